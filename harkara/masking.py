"""Phone numbers as people see them who need not know them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d{7,}")


def mask_numbers(text: str) -> str:
    """Mask each phone number in a text: `919876543210` becomes `91••••••3210`."""
    return _NUMBER.sub(lambda match: f"{match[0][:2]}{'•' * (len(match[0]) - 6)}{match[0][-4:]}", text)
