"""Reads a request for a chat completion: its sources, what the customer wrote, and the tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

_SOURCE = re.compile(r'<source id="([^"]*)">(.*?)</source>', re.DOTALL)
_CUSTOMER = re.compile(r"<customer>(.*?)</customer>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """`sources` are texts by id. `lookups` counts the results of tools that the request brings back."""

    sources: Mapping[str, str]
    question: str
    tools: Mapping[str, Mapping[str, Any]]
    """The JSON schema of the arguments, by the tool's name."""
    lookups: int
    structured: bool
    """Whether the request demands an answer by a JSON schema."""
    size: int
    """Characters of all its texts."""


def read_prompt(body: Mapping[str, Any]) -> Prompt:
    """Read a body that is a JSON object; what it does not have stays empty."""
    messages = [one for one in _list(body.get("messages")) if isinstance(one, dict)]
    texts = [text for one in messages for text in _texts(one.get("content"))]
    asked = [unescape(found).strip() for text in texts for found in _CUSTOMER.findall(text)]
    said = [text for one in messages if one.get("role") == "user" for text in _texts(one.get("content"))]
    return Prompt(
        sources={
            unescape(name): unescape(content).strip() for text in texts for name, content in _SOURCE.findall(text)
        },
        question=(asked or said or [""])[-1],
        tools=dict(_tools(body)),
        lookups=sum(one.get("role") == "tool" for one in messages),
        structured=(body.get("response_format") or {}).get("type") == "json_schema",
        size=sum(map(len, texts)),
    )


def _texts(content: Any) -> list[str]:
    """The content of a message: a text, or a list of parts."""
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in _list(content) if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _tools(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tool in _list(body.get("tools")):
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield function["name"], function.get("parameters") or {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
