"""What runs on this machine: the processes, their environment, and the services that no setting names."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from honcho.environ import parse_procfile

from config.environment import ROOT, VAR, process_environment
from config.settings import settings
from harkara.errors import Invalid
from workers.local.private_files import lasting_secrets
from workers.ports import reserve_port


@dataclass(frozen=True)
class Parts:
    """`own` are the settings of the parts that run here because no others are configured, `places` the addresses.

    `flower_port` is the port of Flower.
    """

    own: dict[str, str]
    places: dict[str, str]
    flower_port: int

    @classmethod
    def choose(cls, redis_url: str | None) -> Self:
        """Choose ports and settings. `redis_url` is that of the embedded Valkey, None for a configured Redis.

        Raises Invalid for a variable that is no port.
        """
        own: dict[str, str] = {}
        places: dict[str, str] = {}
        lasting = lasting_secrets(VAR)
        if redis_url:
            own["HARKARA_REDIS_URL"] = places["Redis"] = redis_url
        if settings().chatmitra_api_token is None:
            # Without a token of Chat Mitra no message leaves this machine.
            port = reserve_port(_port("SANDBOX_PORT", 8900))
            places["Sandbox"] = f"http://127.0.0.1:{port}"
            own |= {
                "SANDBOX_PORT": str(port),
                "CHATMITRA_API_URL": f"{places['Sandbox']}/developer/api/send_message",
                "CHATMITRA_API_TOKEN": "sandbox",
            }
            if settings().chatmitra_webhook_secret is None:
                own["CHATMITRA_WEBHOOK_SECRET"] = lasting["CHATMITRA_WEBHOOK_SECRET"]
        else:
            places["Sending to"] = settings().chatmitra_api_url
        own["PORT"] = str(reserve_port(settings().port))
        places["Web"] = f"http://127.0.0.1:{own['PORT']}"
        if not settings().api_tokens:
            own["HARKARA_API_TOKENS"] = lasting["HARKARA_API_TOKENS"]
            places["Web token"] = lasting["HARKARA_API_TOKENS"].partition(":")[2]
        if settings().erasure_key is None:
            own["HARKARA_ERASURE_KEY"] = lasting["HARKARA_ERASURE_KEY"]
        flower = reserve_port(_port("FLOWER_PORT", 5555))
        places["Flower"] = f"http://127.0.0.1:{flower}"
        return cls(own, places, flower)

    def commands(self) -> dict[str, str]:
        """Return the lines of the Procfile, run by the tools beside this interpreter and without their banners."""
        commands = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
        if "Sandbox" in self.places:
            commands["sandbox"] = "python -m workers.sandbox"
        tools = shlex.quote(str(Path(sys.executable).parent))
        quiet = {name: command.replace("celery ", "celery --quiet ", 1) for name, command in commands.items()}
        return {name: f"exec {tools}/{command}" for name, command in quiet.items()}

    def environment(self, process: str) -> dict[str, str]:
        """Return the environment of a process.

        The sandbox sends webhooks, and reads the secret that signs them under another name.
        """
        # Flower's pages can shut workers down, so they are read-only and on loopback unless the settings differ. It
        # warns about each worker that has not started yet.
        defaults = {
            "PYTHONUNBUFFERED": "1",
            "FLOWER_ADDRESS": "127.0.0.1",
            "FLOWER_READ_ONLY": "true",
            "FLOWER_LOGGING": "error",
        }
        variables = defaults | process_environment() | {"FLOWER_PORT": str(self.flower_port)} | self.own
        if process != "sandbox":
            return variables
        secret = variables.pop("CHATMITRA_WEBHOOK_SECRET")
        url = f"{self.places['Web']}/webhooks/chatmitra"
        return {"SANDBOX_WEBHOOK_URL": url, "SANDBOX_WEBHOOK_SECRET": secret} | variables


def _port(name: str, default: int) -> int:
    """Return the port that a variable of another program names; an empty one is the default, as of a setting."""
    text = (process_environment().get(name) or str(default)).strip()
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise Invalid(name, "must be a port, a number from 0 to 65535", text)
    return int(text)
