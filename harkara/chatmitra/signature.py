"""Verify that a webhook comes from Chat Mitra: the signature over its raw bytes."""

from __future__ import annotations

import hmac


def verify(body: bytes, header: str | None, secret: str) -> bool:
    """Return whether the header `X-Webhook-Signature` signs these bytes; False without a secret.

    The docs (Webhooks: Setup) print lowercase hex without a prefix. Clients in production also accept upper case and
    the prefix `sha256=`, and so does this function. The sample in the docs signs a body that it has serialized again;
    every client that works with the real service signs the raw bytes. The comparison takes constant time. The signature
    covers no time: a replay is recognized by the identity of its event.
    """
    if header is None or not secret.strip():
        return False
    given = header.strip().lower().removeprefix("sha256=")
    return hmac.compare_digest(given.encode("utf-8", "replace"), sign(body, secret).encode())


def sign(body: bytes, secret: str) -> str:
    """Return the value of the header: HMAC-SHA256 as 64 lowercase hexadecimal digits."""
    return hmac.new(secret.encode(), body, "sha256").hexdigest()
