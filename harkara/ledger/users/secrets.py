"""Secrets of links and sessions. The ledger has their digests alone, so a copy of it opens nothing."""

from __future__ import annotations

import secrets
from hashlib import sha256


def new_secret() -> str:
    """Return 256 random bits, as a text that may be in a URL and in a cookie."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the digest under which the ledger finds a secret. It needs no salt, since 256 bits cannot be guessed."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
