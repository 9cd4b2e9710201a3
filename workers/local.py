"""`python -m workers.local`: every process on one machine, with embedded parts for services that are not configured."""

from __future__ import annotations

import fcntl
import json
import secrets
import shlex
import sys
from pathlib import Path
from typing import TextIO

import honcho.manager
from honcho.environ import parse_procfile

from config.environment import LOCAL, ROOT, process_environment
from config.ledger import open_database
from config.settings import settings
from harkara.ledger import migrate
from workers.embedded_valkey import EmbeddedValkey
from workers.ports import reserve_port
from workers.restarts import RestartingManager

STOP_SECONDS = 45
"""Longer than the longest POST, which a worker finishes and records before it ends."""


def main() -> None:
    """Start the embedded Valkey, then the processes of the Procfile; stop them in the opposite order.

    A process that ends meanwhile starts again, unless it ends at once: then a setting is wrong, and all end.
    """
    lock = _lock(LOCAL.parent)
    LOCAL.unlink(missing_ok=True)  # a run that was killed may have left it, and it would count as settings
    var = settings().var
    var.mkdir(parents=True, exist_ok=True)
    valkey = None
    if not settings().redis_url:
        valkey = EmbeddedValkey(var / "valkey", 6379, report=lambda text: print(text, flush=True))
        valkey.start()
    try:
        sys.exit(_run(var, valkey))
    finally:
        LOCAL.unlink(missing_ok=True)
        if valkey:
            valkey.stop()
        lock.close()


def _lock(var: Path) -> TextIO:
    """Return the locked file of this run. Exits if another run uses the folder; the lock of a killed run is gone."""
    var.mkdir(parents=True, exist_ok=True)
    file = (var / "lock").open("w")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"`make up` is running in {var} already: stop it, or set HARKARA_VAR to another folder.")
    return file


def write_private(file: Path, text: str) -> None:
    """Replace the file at once, readable for this user alone: it holds the secrets of this run."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)  # an existing file would keep its mode
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def _run(var: Path, valkey: EmbeddedValkey | None) -> int:
    if not settings().database_url:
        migrate.upgrade(open_database(settings()))
    own, places = _own_parts(valkey)
    environment = _environment(own, places)
    honcho.manager.KILL_WAIT = STOP_SECONDS
    manager = RestartingManager()
    for name, command in _commands(sandbox="Sandbox" in places).items():
        variables = _sandbox_environment(environment, places) if name == "sandbox" else environment
        manager.add_process(name, command, env=variables, cwd=str(ROOT))
    for name, place in places.items():
        print(f"{name:10} {place}", flush=True)
    write_private(LOCAL, "".join(f"{name}={value}\n" for name, value in own.items()))
    write_private(var / "places.json", json.dumps(places))
    manager.loop()
    # Ctrl-C and SIGTERM are the normal end; any other status is that of a process that failed.
    return 0 if manager.returncode in (130, 143) else int(manager.returncode or 0)


def _commands(*, sandbox: bool) -> dict[str, str]:
    """Return the lines of the Procfile, run by the tools beside this interpreter."""
    procfile = parse_procfile((ROOT / "Procfile").read_text())
    commands = dict(procfile.processes)
    if sandbox:
        commands["sandbox"] = "python -m workers.sandbox"
    tools = Path(sys.executable).parent
    return {name: f"exec {shlex.quote(str(tools))}/{command}" for name, command in commands.items()}


def _own_parts(valkey: EmbeddedValkey | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings of the parts that run here because no others are configured, and the addresses to print."""
    own: dict[str, str] = {}
    places: dict[str, str] = {}
    if valkey:
        own["HARKARA_REDIS_URL"] = places["Redis"] = valkey.url
    if settings().chatmitra_api_token is None:
        # Without a token of Chat Mitra no message leaves this machine.
        port = reserve_port(int(process_environment().get("SANDBOX_PORT", "8900")))
        places["Sandbox"] = f"http://127.0.0.1:{port}"
        own |= {
            "SANDBOX_PORT": str(port),
            "CHATMITRA_API_URL": f"{places['Sandbox']}/developer/api/send_message",
            "CHATMITRA_API_TOKEN": "sandbox",
        }
        if settings().chatmitra_webhook_secret is None:
            own["CHATMITRA_WEBHOOK_SECRET"] = secrets.token_hex(16)
    else:
        places["Sending to"] = settings().chatmitra_api_url
    own["PORT"] = str(reserve_port(settings().port))
    places["Web"] = f"http://127.0.0.1:{own['PORT']}"
    if not settings().api_tokens:
        places["Web token"] = secrets.token_urlsafe(24)
        own["HARKARA_API_TOKENS"] = f"demo:{places['Web token']}"
    return own, places


def _environment(own: dict[str, str], places: dict[str, str]) -> dict[str, str]:
    """Return the environment of the processes."""
    given = process_environment()
    flower = reserve_port(int(given.get("FLOWER_PORT", "5555")))
    places["Flower"] = f"http://127.0.0.1:{flower}"
    # Flower's pages can shut workers down, so they are read-only and on loopback unless the settings differ.
    defaults = {"PYTHONUNBUFFERED": "1", "FLOWER_ADDRESS": "127.0.0.1", "FLOWER_READ_ONLY": "true"}
    return defaults | given | {"FLOWER_PORT": str(flower)} | own


def _sandbox_environment(environment: dict[str, str], places: dict[str, str]) -> dict[str, str]:
    """Return the sandbox's environment: it sends webhooks, and reads the secret that signs them under another name."""
    variables = dict(environment)
    secret = variables.pop("CHATMITRA_WEBHOOK_SECRET")
    url = f"{places['Web']}/webhooks/chatmitra"
    return {"SANDBOX_WEBHOOK_URL": url, "SANDBOX_WEBHOOK_SECRET": secret} | variables


if __name__ == "__main__":
    main()
