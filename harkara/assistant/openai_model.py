"""The adapter of every model with OpenAI's API for chat completions. It needs the extra `assistant`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    DefaultHttpxClient,
    OpenAI,
    Timeout,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harkara.assistant.model import FailureKind, ModelAnswer, ModelFailure, ModelPrompt, ModelReply, Quoted, Tools
from harkara.assistant.model_rules import ModelRules
from harkara.assistant.prompt import ANSWER_SCHEMA, read_answer, render_sources, render_system, render_user

MAX_BODY = 262_144
"""Bytes of a response. A body of JSON with `max-tokens` tokens is much shorter."""

MOST_REQUESTS = 6
"""Requests for one question: three lookups, one without a schema, and the answer."""

CONNECT_SECONDS = 3.05

_UNKNOWN_SCHEMA = (400, 404, 415, 422, 501)
"""How servers refuse a `response_format` that they do not know."""

Message = dict[str, Any]


class OpenAIModel:
    """Asks one model; any number of threads may use it at once.

    `business` is the name that it says. `key` goes into the header Authorization alone. The client does not retry, and
    follows no redirect.
    """

    def __init__(self, rules: ModelRules, key: str, business: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._system = render_system(rules, business)
        self._clock = clock
        self._structured = True
        http = DefaultHttpxClient(follow_redirects=False)
        self._client = OpenAI(api_key=key, base_url=rules.url, max_retries=0, http_client=http)

    def ask(self, prompt: ModelPrompt, tools: Tools | None = None) -> ModelReply:
        """Ask within the timeout of the rules, lookups included."""
        return _Question(self, prompt, tools).ask()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _complete(self, messages: list[Message], tools: Tools | None, left: float) -> _Response:
        """Make one request. Without support for a schema, the server is asked again in words alone.

        Raises _Failed.
        """
        structured = self._structured
        try:
            return self._request(messages, tools, left, structured)
        except APIStatusError as error:
            if not structured or error.status_code not in _UNKNOWN_SCHEMA:
                raise _failed(error) from None
        except APIError as error:
            raise _failed(error) from None
        try:
            found = self._request(messages, tools, left, structured=False)
        except APIError as error:
            raise _failed(error) from None
        self._structured = False  # only now: the first 400 may have had another cause
        return found

    def _request(self, messages: list[Message], tools: Tools | None, left: float, structured: bool) -> _Response:
        until = self._clock() + left
        content: dict[str, Any] = {"messages": messages}
        content |= {"response_format": ANSWER_SCHEMA} if structured else {}
        if offered := tools.offered if tools else ():
            content["tools"] = [
                {
                    "type": "function",
                    "function": {"name": one.name, "description": one.description, "parameters": one.parameters},
                }
                for one in offered
            ]
        opened = self._client.chat.completions.with_streaming_response.create(
            model=self._rules.name,
            messages=(),
            max_completion_tokens=self._rules.max_tokens,
            timeout=Timeout(left, connect=min(left, CONNECT_SECONDS)),
            extra_body=content,  # as it is: the client walks through all other content by its types
        )
        body = b""
        with opened as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_BODY:
                    raise _Failed("invalid", "the response is too long")
                if self._clock() > until:  # the client limits each read alone
                    raise _Failed("timeout", "the response took too long")
        return _parse(body)


class _Question:
    """One question with its lookups."""

    def __init__(self, model: OpenAIModel, prompt: ModelPrompt, tools: Tools | None) -> None:
        self._model = model
        self._tools = tools
        self._sources = prompt.sources
        self._quoted: list[Quoted] = []
        self._read = self._written = 0
        self._messages: list[Message] = [
            {"role": "system", "content": model._system},
            {"role": "user", "content": render_user(prompt)},
        ]

    def ask(self) -> ModelReply:
        started = self._model._clock()
        result: ModelAnswer | ModelFailure
        try:
            result = self._converse(started + self._model._rules.timeout.total_seconds())
        except _Failed as failed:
            result = ModelFailure(failed.kind, failed.reason)
        except httpx2.TimeoutException:  # within the body, where the client leaves it as it is
            result = ModelFailure("timeout", "the response took too long")
        except httpx2.HTTPError:
            result = ModelFailure("unreachable", "the response broke off")
        return ModelReply(
            result,
            tuple(self._quoted),
            self._read,
            self._written,
            self._model._rules.price(self._read, self._written),
            round(1000 * (self._model._clock() - started)),
        )

    def _converse(self, until: float) -> ModelAnswer:
        for _ in range(MOST_REQUESTS):
            left = until - self._model._clock()
            if left <= 0:
                raise _Failed("timeout", "the lookups took too long")
            response = self._model._complete(self._messages, self._tools, left)
            self._read += response.usage.prompt_tokens
            self._written += response.usage.completion_tokens
            choice = response.choices[0]
            if not choice.message.tool_calls:
                return self._answer(choice)
            self._call(choice.message)
        raise _Failed("invalid", "the model calls tools without end")

    def _call(self, message: _Message) -> None:
        calls = [_call_of(call) for call in message.tool_calls or ()]
        # As they came: Gemini refuses a call that has lost its signature.
        self._messages.append({"role": "assistant", "content": message.content, "tool_calls": message.tool_calls})
        for identity, name, arguments in calls:
            if self._tools is None:
                raise _Failed("invalid", "the model calls a tool and has none")
            found = self._tools.call(name, arguments)
            self._quoted.append(found)
            self._messages.append({"role": "tool", "tool_call_id": identity, "content": render_sources([found])})

    def _answer(self, choice: _Choice) -> ModelAnswer:
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise _Failed("refused", "the model declines to answer")
        if choice.finish_reason == "length":
            raise _Failed("cut", "the answer ends at max-tokens")
        known = {each.id for each in (*self._sources, *self._quoted)}
        answer = read_answer(choice.message.content or "", known)
        if isinstance(answer, str):
            raise _Failed("invalid", answer)
        return answer


class _Failed(Exception):
    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Response(BaseModel):
    """The part of a chat completion that is used; servers add fields of their own."""

    model_config = ConfigDict(extra="ignore")

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage = _Usage()


def _parse(body: bytes) -> _Response:
    try:
        return _Response.model_validate_json(body)
    except ValidationError:
        raise _Failed("invalid", "the response is not a chat completion") from None


def _call_of(call: dict[str, Any]) -> tuple[str, str, str]:
    function = call.get("function")
    found = function if isinstance(function, dict) else {}
    identity, name, arguments = call.get("id"), found.get("name"), found.get("arguments", "{}")
    if not isinstance(identity, str) or not isinstance(name, str):
        raise _Failed("invalid", "the call of a tool has no id or no name")
    return identity, name, arguments if isinstance(arguments, str) else json.dumps(arguments)


def _failed(error: APIError) -> _Failed:
    """Name the failure in words of our own: the text of the other side may quote the prompt."""
    match error:
        case APITimeoutError():
            return _Failed("timeout", "no response in time")
        case APIConnectionError():
            return _Failed("unreachable", "the server cannot be reached, or closed the connection")
        case APIStatusError(status_code=401 | 403 as status):
            return _Failed("key", f"the server refuses the key with {status}: check HARKARA_MODEL_KEY")
        case APIStatusError(status_code=429):
            return _Failed("busy", "too many requests (429)")
        case APIStatusError(status_code=status):
            return _Failed("error", f"the server responds {status}")
    return _Failed("error", "the client failed")
