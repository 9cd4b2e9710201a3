"""Whether a text is printable: names and ids in any script, without control characters."""

from __future__ import annotations

from typing import Final

JOINERS: Final = "\u200c\u200d"
"""Letters of Indian scripts and of Persian are written with them, and emoji such as 👩‍⚕️ are made of them."""

_WITHOUT_JOINERS: Final = dict.fromkeys(map(ord, JOINERS))


def is_printable(text: str) -> bool:
    """Return whether each character is printable or joins others, and not all of them are joiners."""
    if text.isprintable():
        return True
    visible = text.translate(_WITHOUT_JOINERS)
    return bool(visible) and visible.isprintable()


def drop_unprintable(text: str) -> str:
    """Return the text without the other characters."""
    return "".join(each for each in text if each in JOINERS or each.isprintable())
