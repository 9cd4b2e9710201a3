"""Types of the fields that an envelope has beside its messages: ids, names, references and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, PlainValidator

from harkara.errors import Invalid
from harkara.messages.text_rules import PLACEHOLDER, validate_parameter
from harkara.messages.validation import field_path, type_measure
from harkara.people.printable import is_printable
from harkara.times import to_utc

_ID = re.compile(r"job_[0-9a-f]{32}")
_SHORT_NAME = re.compile(r"[a-z0-9_-]{1,40}")


def _validate_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise Invalid("", "must be job_ and 32 hexadecimal digits")
    return value


@lru_cache
def validate_short_name(value: str) -> str:
    if not _SHORT_NAME.fullmatch(value):
        raise Invalid("", "1 to 40 of a-z, 0-9, _ and -", f"this has {len(value):,} characters")
    return value


def _validate_reference(value: str) -> str:
    if not 1 <= len(value) <= 200 or not is_printable(value):
        raise Invalid("", "1 to 200 printable characters", f"this has {len(value):,}")
    return value


def validate_customer_name(value: str) -> str:
    return validate_parameter(value) if value else value


def _validate_alt_texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Invalid("", "must be an object such as {'$name': 'Guest'}", type_measure(value))
    for key, text in value.items():
        if not isinstance(key, str) or not PLACEHOLDER.fullmatch(key):
            raise Invalid("", "every key must be a $ and a name, such as $name")
        if not isinstance(text, str):
            raise Invalid(key, "must be text", type_measure(text))
        with field_path(key):
            validate_parameter(text)
    return dict(value)


Id = Annotated[str, AfterValidator(_validate_id)]
ShortName = Annotated[str, AfterValidator(validate_short_name)]
Reference = Annotated[str, AfterValidator(_validate_reference)]
CustomerName = Annotated[str, AfterValidator(validate_customer_name)]
AltTexts = Annotated[dict[str, str], PlainValidator(_validate_alt_texts)]
Time = Annotated[datetime, PlainValidator(to_utc)]
