"""The approved texts of templates, which the process that starts the sandbox gives to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A template as the customer reads it; `code` is WhatsApp's reason to refuse it, and `problem` the same in words.

    `buttons` are the labels of all buttons in their order.
    """

    header: str | None
    body: str
    footer: str | None
    buttons: tuple[str, ...]
    code: int | None = None
    problem: str = ""


ReadTemplate = Callable[[Mapping[str, Any]], TemplateText | None]
"""Returns the filled text of a `template` object, None for a template whose text is not known."""


def know_no_template(template: Mapping[str, Any]) -> None:
    """The ReadTemplate of a sandbox without texts."""
