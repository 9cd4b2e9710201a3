"""The name that stays of a person whose data was erased: a keyed digest, which only the number itself leads to."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

PREFIX: Final = "erased:"


def pseudonym(key: str, name: str) -> str:
    """Return `erased:` and 32 hexadecimal digits. Without the key, all numbers of a country could be tried."""
    return PREFIX + blake2b(name.encode(), key=key.encode()[:64], digest_size=16, person=b"harkara").hexdigest()
