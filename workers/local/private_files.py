"""Files that only this user can read: they hold the secrets of a deployment on one machine."""

from __future__ import annotations

import secrets
from pathlib import Path

from dotenv import dotenv_values


def write_private(file: Path, text: str) -> None:
    """Replace the file at once, readable for this user alone."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)  # an existing file would keep its mode
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def lasting_secrets(folder: Path) -> dict[str, str]:
    """Return API token, webhook secret and erasure key of the folder by the settings' names; create them once.

    They outlive a run, since applications have the token in their own settings.
    """
    file = folder / "secrets.env"
    known = {name: value for name, value in dotenv_values(file).items() if value}
    fresh = {
        "HARKARA_API_TOKENS": f"demo:{secrets.token_urlsafe(24)}",
        "CHATMITRA_WEBHOOK_SECRET": secrets.token_hex(16),
        "HARKARA_ERASURE_KEY": secrets.token_hex(32),
    }
    if missing := fresh.keys() - known.keys():
        known |= {name: fresh[name] for name in missing}
        write_private(file, "".join(f"{name}={value}\n" for name, value in known.items()))
    return known
