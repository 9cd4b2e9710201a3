"""Phone numbers as people see them who need not know them."""

from __future__ import annotations

import re

_ID_OR_NUMBER = re.compile(r"\b[a-z]+[_:][0-9a-f]{32}\b|\d{7,}")


def mask_numbers(text: str) -> str:
    """Mask each phone number in a text: `919876543210` becomes `91••••••3210`. Ids and pseudonyms stay readable."""
    return _ID_OR_NUMBER.sub(lambda match: _masked(match[0]) if match[0].isdigit() else match[0], text)


def _masked(number: str) -> str:
    return f"{number[:2]}{'•' * (len(number) - 6)}{number[-4:]}"
