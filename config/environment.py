"""The environment and the files around it: where they are, and copies for processes that this one starts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

ROOT = Path(__file__).resolve().parent.parent
DOTENV = Path(os.environ.get("HARKARA_ENV_FILE") or ROOT / ".env")

ENCODING = "utf-8-sig"
"""The encoding of `.env`: UTF-8, with the byte order mark that editors on Windows write, or without one."""

_PREFIXES = ("HARKARA_", "CHATMITRA_", "SANDBOX_", "FLOWER_")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
_UNPREFIXED = frozenset(
    {"REDIS_URL", "DATABASE_URL", "PORT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"}
)


def process_environment() -> dict[str, str]:
    """Return the environment over `.env`, for a process that shares this deployment's settings.

    Raises SystemExit for a file that cannot be read.
    """
    with _readable(DOTENV):
        values = dotenv_values(DOTENV, encoding=ENCODING)
    file = {name: value for name, value in values.items() if value is not None}
    return file | os.environ


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Raise SystemExit, with the next step, for a file that this user cannot read, or that is not in UTF-8."""
    try:
        if file.is_dir():  # Docker makes one for a file that it is to mount and does not find
            raise SystemExit(f"The settings are not understood. {file}: is a folder; put a file in its place")
        yield
    except UnicodeDecodeError:
        raise SystemExit(f"The settings are not understood. {file}: is not in UTF-8; save it as UTF-8") from None
    except OSError as error:
        problem = f"cannot be read: {error.strerror}; let this user read it and its folder"
        raise SystemExit(f"The settings are not understood. {file}: {problem}") from None


VAR = ROOT / (process_environment().get("HARKARA_VAR") or "var")
"""The folder of the embedded Valkey and of SQLite; a relative one is in the checkout, wherever a command runs."""

CONFIG = ROOT / (process_environment().get("HARKARA_CONFIG") or "config")
"""The folder of the TOML files with rules. A container has them in a folder of their own, without the code."""

LOCAL = VAR / "local.env"
"""Settings of the Redis and the sandbox that `make up` runs, so that a command in another terminal finds them."""


def given_names(files: Iterable[Path]) -> set[str]:
    """Return the names of all variables in the environment and in these files. Raises SystemExit for a broken line.

    It does so for a file that cannot be read, too. python-dotenv itself only warns about a line that is not NAME=value,
    and ignores it.
    """
    names = set(os.environ)
    for file in files:
        with _readable(file):
            names |= _names_in(file) if file.is_file() else set()
    return names


def _names_in(file: Path) -> set[str]:
    names = set()
    with file.open(encoding=ENCODING) as text:
        for binding in parse_stream(text):
            own = binding.key is not None and binding.key.upper().startswith(_PREFIXES)
            if binding.error or (own and binding.value is None):
                raise SystemExit(f"{file.name}, line {binding.original.line}: is not NAME=value")
            names.add(binding.key or "")
    return names


def located_by() -> dict[str, str]:
    """Return the variables that another terminal needs to use the same files; they are not in `.env`."""
    return {
        name: os.environ[name] for name in ("HARKARA_VAR", "HARKARA_CONFIG", "HARKARA_ENV_FILE") if os.environ.get(name)
    }


def bare_environment() -> dict[str, str]:
    """Return the environment without any setting and without `.env`, for a run that must not send to real people."""
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES) and name not in _UNPREFIXED
    }
    return others | {"HARKARA_ENV_FILE": os.devnull}


def drop_foreign_variables() -> list[str]:
    """Remove variables of other programs that would change how this process runs; return their names.

    The options of the `celery` command are also read from CELERY_…, such as CELERY_WORKER_POOL; they belong to an
    application with a Celery of its own. Kubernetes describes a service `flower` to the whole namespace as
    FLOWER_PORT=tcp://10.0.0.7:5555.
    """
    celery = [name for name in os.environ if name.startswith("CELERY_")]
    services = [
        name for name, value in os.environ.items() if name.startswith(_PREFIXES) and _SERVICE_ADDRESS.match(value)
    ]
    for name in celery + services:
        del os.environ[name]
    return celery
