"""Templates: name, language, components and their parameters (Chat Mitra docs, Validation Rules, Templates)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.responses import invalid_field
from sandbox.rules.field_types import require_array, require_object, require_string
from sandbox.rules.media import check_media

PARAMETERS_MAX = 10
PARAMETER_MAX = 1_024
PAYLOAD_MAX = 256
COUPON_MAX = 15
PLACEHOLDER = re.compile(r"\$[A-Za-z_]\w*", re.ASCII)  # Hindi may follow a name without a space
COMPONENTS_MAX = 12  # header, body and WhatsApp's ten buttons

_NAME = re.compile(r"[a-z0-9_]{1,60}")  # digits: names in live use end in a date
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_INDEX = re.compile(r"[0-9]")
_UNSENDABLE = re.compile(r"[\t\r\n]| {5}")
_HEADER_MEDIA = ("image", "video", "document")
_BUTTON_PARAMETERS = {
    "url": ("text", "text", PARAMETER_MAX),
    "quick_reply": ("payload", "payload", PAYLOAD_MAX),
    "copy_code": ("coupon_code", "coupon_code", COUPON_MAX),
}


def check_template(template: Any, field: str, fallbacks: dict[str, str]) -> None:
    """Check a template; `fallbacks` replace placeholders such as `$name`, and a placeholder without one is refused."""
    name = require_string(require_object(template, field).get("name"), f"{field}.name")
    if not _NAME.fullmatch(name):
        raise invalid_field(f"{field}.name", "must have 1 to 60 lowercase letters, digits or underscores")
    language = template.get("language")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        raise invalid_field(f"{field}.language", "must be a string such as en or en_US")
    components = require_array(template.get("components", []), f"{field}.components", least=0, most=COMPONENTS_MAX)
    places = [
        _check_component(component, f"{field}.components[{index}]", fallbacks)
        for index, component in enumerate(components)
    ]
    if len(set(places)) < len(places):
        raise invalid_field(
            f"{field}.components", "must have one header, one body and one button for each index at most"
        )


def fill(text: str, fallbacks: dict[str, str]) -> str:
    """Return the text with every placeholder replaced. Raises KeyError for a placeholder without a fallback."""
    return PLACEHOLDER.sub(lambda match: fallbacks[match[0]], text)


def _check_component(component: Any, field: str, fallbacks: dict[str, str]) -> str:
    kind = require_object(component, field).get("type")
    if kind not in ("header", "body", "button"):
        raise invalid_field(f"{field}.type", "must be header, body or button")
    parameters = require_array(component.get("parameters", []), f"{field}.parameters", least=0, most=PARAMETERS_MAX)
    if kind == "button":
        return _check_button(component, parameters, field, fallbacks)
    for index, parameter in enumerate(parameters):
        _check_parameter(parameter, f"{field}.parameters[{index}]", kind, fallbacks)
    return str(kind)


def _check_parameter(parameter: Any, field: str, component: str, fallbacks: dict[str, str]) -> None:
    kind = require_object(parameter, field).get("type")
    if kind == "text":
        _check_parameter_text(parameter.get("text"), f"{field}.text", PARAMETER_MAX, fallbacks)
    elif component == "header" and kind in _HEADER_MEDIA:
        check_media(parameter.get(kind), kind, f"{field}.{kind}")
    else:
        raise invalid_field(
            f"{field}.type", "must be text" if component == "body" else "must be text, image, video or document"
        )


def _check_button(component: dict[str, Any], parameters: list[Any], field: str, fallbacks: dict[str, str]) -> str:
    sub_type, index = component.get("sub_type"), component.get("index")
    if not isinstance(sub_type, str) or sub_type not in _BUTTON_PARAMETERS:
        raise invalid_field(f"{field}.sub_type", f"must be one of {', '.join(_BUTTON_PARAMETERS)}")
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        raise invalid_field(f"{field}.index", 'must be a string from "0" to "9"')
    if len(parameters) != 1:
        raise invalid_field(f"{field}.parameters", f"must have 1 entry, has {len(parameters)}")
    kind, key, most = _BUTTON_PARAMETERS[sub_type]
    parameter, field = require_object(parameters[0], f"{field}.parameters[0]"), f"{field}.parameters[0]"
    if parameter.get("type") != kind:
        raise invalid_field(f"{field}.type", f"must be {kind}")
    if kind == "text":
        _check_parameter_text(parameter.get(key), f"{field}.{key}", most, fallbacks)
    else:  # a payload or a code, which no one reads as a text
        require_string(parameter.get(key), f"{field}.{key}", most=most)
    return f"button {index}"


def _check_parameter_text(value: Any, field: str, most: int, fallbacks: dict[str, str]) -> None:
    """Refuse white space that breaks a template's lines (WhatsApp) and `upi://` links (Chat Mitra)."""
    text = require_string(value, field)
    try:
        text = fill(text, fallbacks)
    except KeyError as placeholder:
        raise invalid_field(field, f"no value for {placeholder.args[0]}; set customer_name or altTexts") from None
    require_string(text, field, most=most)
    if _UNSENDABLE.search(text):
        raise invalid_field(field, "must not have tabs, newlines or more than 4 spaces in a row")
    if "upi://" in text.lower():
        raise invalid_field(field, "must not have upi:// links")
