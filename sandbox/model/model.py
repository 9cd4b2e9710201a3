"""The model's account: the decision about one request, with its faults, and the record of every request."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sandbox.fault_state import Faults
from sandbox.history import digest, fingerprint
from sandbox.model.answers import Completion, complete
from sandbox.model.prompt import Prompt, read_prompt
from sandbox.responses import Headers, Response, ResponseMode, json_response

CHARACTERS_OF_A_TOKEN = 4


@dataclass(slots=True)
class ModelRequest:
    """One request to the model; `key` is a fingerprint."""

    received_at: float
    key: str
    raw: bytes
    outcome: str = "answered"
    status: int = HTTPStatus.OK
    number: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "received_at": datetime.fromtimestamp(self.received_at, UTC).isoformat(timespec="microseconds"),
            "key": self.key,
            "outcome": self.outcome,
            "status": self.status,
            "body": _object(self.raw),
            "raw": self.raw.decode("utf-8", "replace"),
        }


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """The response, how it leaves, and the seconds before it does."""

    response: Response
    mode: ResponseMode
    delay: float


class ModelAccount:
    """Decides about requests one at a time; keeps the newest `max_requests`."""

    def __init__(self, faults: Faults, max_requests: int) -> None:
        self._faults = faults
        self._requests: deque[ModelRequest] = deque(maxlen=max_requests)
        self.last_number = 0

    def receive(self, authorization: str, raw: bytes, received_at: float) -> ModelResponse:
        """Record the request, and answer it or apply a fault."""
        key = authorization.partition(" ")[2].strip()
        entry = ModelRequest(received_at, fingerprint(key) if key else "", raw)
        self._add(entry)
        response, mode = self._decide(entry)
        entry.status = response.status
        return ModelResponse(response, mode, self._faults.delay_seconds(self._faults.switches.model_latency_ms))

    def requests(self) -> Iterator[ModelRequest]:
        """Return the requests, oldest first."""
        return iter(self._requests)

    def clear(self) -> None:
        """Delete the requests. The numbers go on."""
        self._requests.clear()

    def _add(self, entry: ModelRequest) -> None:
        self.last_number += 1
        entry.number = self.last_number
        self._requests.append(entry)

    def _decide(self, entry: ModelRequest) -> tuple[Response, ResponseMode]:
        switches = self._faults.switches
        if refused := self._refuse(entry):
            return refused, "complete"
        body = _object(entry.raw)
        if not body or not isinstance(body.get("messages"), list) or not isinstance(body.get("model"), str):
            return _error(entry, HTTPStatus.BAD_REQUEST, "refused", "model and messages are required"), "complete"
        prompt = read_prompt(body)
        if prompt.structured and not switches.model_structured:
            message = "response_format of type json_schema is not supported"
            return _error(entry, HTTPStatus.BAD_REQUEST, "unstructured", message), "complete"
        response = json_response(HTTPStatus.OK, _completion(body, prompt, complete(prompt, switches.model_behavior)))
        for name, mode in _BROKEN.items():
            if self._faults.draw(getattr(switches, f"model_{name}_share")):
                entry.outcome = name
                return response, mode
        return response, "complete"

    def _refuse(self, entry: ModelRequest) -> Response | None:
        faults, switches = self._faults, self._faults.switches
        if not entry.key or entry.key in switches.model_wrong_keys:
            return _error(entry, HTTPStatus.UNAUTHORIZED, "unauthorized", "Incorrect API key provided")
        if faults.draw(switches.model_too_many_share):
            seconds = switches.retry_after
            headers = () if seconds is None else (("Retry-After", f"{seconds:g}"),)
            return _error(entry, HTTPStatus.TOO_MANY_REQUESTS, "too_many", "Rate limit reached", headers)
        if faults.draw(switches.model_error_share):
            return _error(entry, switches.model_error_status, "error", "The server had an error")
        return None


_BROKEN: Mapping[str, ResponseMode] = {"reset": "reset", "half_answer": "half", "never_answer": "silence"}


def _error(entry: ModelRequest, status: int, outcome: str, message: str, headers: Headers = ()) -> Response:
    """Return the error body of OpenAI's API."""
    entry.outcome = outcome
    return json_response(status, {"error": {"message": message, "type": outcome, "param": None, "code": None}}, headers)


def _completion(body: Mapping[str, Any], prompt: Prompt, made: Completion) -> dict[str, Any]:
    """Return a body of the kind `chat.completion` (OpenAI API reference, Chat Completions)."""
    message: dict[str, Any] = {"role": "assistant", "content": made.content, "refusal": made.refusal}
    if made.call:
        name, arguments = made.call
        call = {"id": f"call_{prompt.lookups + 1}", "type": "function"}
        message["tool_calls"] = [call | {"function": {"name": name, "arguments": arguments}}]
    read, written = (-(-size // CHARACTERS_OF_A_TOKEN) for size in (prompt.size, len(str(message))))
    return {
        "id": f"chatcmpl-{digest(json.dumps(body, sort_keys=True).encode())}",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": made.finish, "logprobs": None}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
