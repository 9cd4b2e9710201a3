"""Whether a webhook is Chat Mitra's: the signature over its raw bytes."""

from __future__ import annotations

import hmac

HEADER = "X-Webhook-Signature"
"""Where the signature stands (Chat Mitra docs, Webhooks: Setup)."""


def verify(raw: bytes, header: str | None, secret: str) -> bool:
    """Whether `header` signs these bytes with the secret; compared in constant time. Without a secret nothing does.

    The docs print lowercase hex without a prefix; clients in production also tolerate `sha256=`, and so does this, in
    upper case too. The docs' sample signs a body that it has serialised again; every client that works with the real
    service takes the raw bytes. The signature covers no time: duplicates, and so replays, are known by their identity.
    """
    if header is None or not secret.strip():
        return False
    said = header.strip().lower().removeprefix("sha256=")
    return hmac.compare_digest(said.encode("utf-8", "replace"), sign(raw, secret).encode())


def sign(raw: bytes, secret: str) -> str:
    """What Chat Mitra puts into the header: HMAC-SHA256 in 64 lowercase hexadecimal digits."""
    return hmac.new(secret.encode(), raw, "sha256").hexdigest()
