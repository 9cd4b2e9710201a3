"""Recognizes cells that hold no value: errors of a spreadsheet, and placeholders that a program left unfilled."""

from __future__ import annotations

import re
from typing import Final

_ERRORS: Final = frozenset(
    # Microsoft Excel (support.microsoft.com, ERROR.TYPE), and its German, French, Spanish and Portuguese names
    "#n/a #ref! #name? #value! #div/0! #null! #num! #spill! #calc! #field! #getting_data #blocked! #connect! #unknown!"
    " #busy! #external! #python! #nv #bezug! #wert! #zahl! #überlauf! #nom? #valeur! #nombre! #nul! #nulo! #valor!"
    " #¡ref! #¡valor! #¿nombre? #¡num! #¡nulo! #¡div/0! #n/d #núm! #nome? #error!"
    # LibreOffice, and what database exports and JavaScript write for a missing value
    " #macro? #err! \\n (null) undefined".split()
)
_MORE_ERRORS: Final = re.compile(r"#{3,}|Err:\d{3}|NULL|\[object Object\]")
_UNFILLED: Final = re.compile(r"\{\{[^{}]*\}\}|\$\{[^{}]*\}|\{\w+\}|<<\w[^<>]*>>")

_FIRST_OF_ERRORS: Final = frozenset("#(\\[NEuU")
"""The first characters of all errors: most cells have another one, and are compared with none of them."""

_ERROR_RULE = (
    "is the error of a spreadsheet or a database, such as #N/A, and no value; correct the formula, or write the value"
)
_UNFILLED_RULE = "has a placeholder that was not filled, such as {{name}}; write the value itself"


def find_cell_fault(value: str) -> tuple[str, str] | None:
    """Return the broken rule and the code of the reject, None for a value that can be sent."""
    if value[:1] in _FIRST_OF_ERRORS and (value.casefold() in _ERRORS or _MORE_ERRORS.fullmatch(value)):
        return _ERROR_RULE, "error-value"
    if ("{" in value or "<<" in value) and _UNFILLED.search(value):
        return _UNFILLED_RULE, "unfilled-placeholder"
    return None
