"""`python -m workers.local`: everything on one machine, with embedded parts for what is not configured."""

from __future__ import annotations

import json
import secrets
import shlex
import sys
from pathlib import Path

import honcho.manager
from honcho.environ import parse_procfile

from config.environment import LOCAL, ROOT, process_environment
from config.settings import settings
from harkara.ledger import migrate
from harkara.ledger.database import Database
from workers.embedded import EmbeddedValkey, free_port

STOP_SECONDS = 45
"""Longer than the longest POST, which a worker finishes and records before it ends."""


def main() -> None:
    """Starts the embedded server, then the processes of the Procfile; stops them in the opposite order."""
    LOCAL.unlink(missing_ok=True)  # left by a run that was killed; it must not be taken for a setting
    var = settings().var
    var.mkdir(parents=True, exist_ok=True)
    valkey = None
    if not settings().redis_url:
        valkey = EmbeddedValkey(var / "valkey", free_port(6379))
        valkey.start()
    try:
        sys.exit(_run(var, valkey))
    finally:
        LOCAL.unlink(missing_ok=True)
        if valkey:
            valkey.stop()


def keep(file: Path, text: str) -> None:
    """Writes it for this user alone, since secrets of this run are in it; nobody sees half of it."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)  # one that exists keeps its mode
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def _run(var: Path, valkey: EmbeddedValkey | None) -> int:
    if not settings().database_url:
        migrate.upgrade(Database(settings().ledger_url))
    own, places = _own_parts(valkey)
    environment = _environment(own, places)
    honcho.manager.KILL_WAIT = STOP_SECONDS
    manager = honcho.manager.Manager()
    for name, command in _commands(sandbox="Sandbox" in places).items():
        told = _sandbox_environment(environment, places) if name == "sandbox" else environment
        manager.add_process(name, command, env=told, cwd=str(ROOT))
    for name, place in places.items():
        print(f"{name:10} {place}", flush=True)
    keep(LOCAL, "".join(f"{name}={value}\n" for name, value in own.items()))
    keep(var / "places.json", json.dumps(places))
    manager.loop()
    # A stop by hand is how this ends; anything else is a process that fell over.
    return 0 if manager.returncode in (130, 143) else int(manager.returncode or 0)


def _commands(*, sandbox: bool) -> dict[str, str]:
    """The lines of the Procfile, run by this very interpreter's tools."""
    procfile = parse_procfile((ROOT / "Procfile").read_text())
    commands = dict(procfile.processes)
    if sandbox:
        commands["sandbox"] = "python -m workers.sandbox"
    tools = Path(sys.executable).parent
    return {name: f"{shlex.quote(str(tools))}/{command}" for name, command in commands.items()}


def _own_parts(valkey: EmbeddedValkey | None) -> tuple[dict[str, str], dict[str, str]]:
    """The settings of the parts that run here because nobody configured others; and where people find things."""
    own: dict[str, str] = {}
    places: dict[str, str] = {}
    if valkey:
        own["HARKARA_REDIS_URL"] = places["Redis"] = valkey.url
    if settings().chatmitra_api_token is None:
        # Without a token of Chat Mitra nothing leaves this machine.
        port = free_port(int(process_environment().get("SANDBOX_PORT", "8900")))
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
    own["PORT"] = str(free_port(settings().port))
    places["Web"] = f"http://127.0.0.1:{own['PORT']}"
    if not settings().api_tokens:
        places["Web token"] = secrets.token_urlsafe(24)
        own["HARKARA_API_TOKENS"] = f"demo:{places['Web token']}"
    return own, places


def _environment(own: dict[str, str], places: dict[str, str]) -> dict[str, str]:
    """What the processes are told."""
    given = process_environment()
    flower = free_port(int(given.get("FLOWER_PORT", "5555")))
    places["Flower"] = f"http://127.0.0.1:{flower}"
    # Read-only and on loopback unless somebody says otherwise: its pages could shut workers down.
    harmless = {"PYTHONUNBUFFERED": "1", "FLOWER_ADDRESS": "127.0.0.1", "FLOWER_READ_ONLY": "true"}
    return harmless | given | {"FLOWER_PORT": str(flower)} | own


def _sandbox_environment(environment: dict[str, str], places: dict[str, str]) -> dict[str, str]:
    """It answers back, with webhooks that it signs; by the name of Chat Mitra's secret it would not know the secret."""
    told = dict(environment)
    secret = told.pop("CHATMITRA_WEBHOOK_SECRET")
    url = f"{places['Web']}/webhooks/chatmitra"
    return {"SANDBOX_WEBHOOK_URL": url, "SANDBOX_WEBHOOK_SECRET": secret} | told


if __name__ == "__main__":
    main()
