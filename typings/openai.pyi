# The part of OpenAI's client that `harkara.assistant.openai_model` uses: with all 2,000 of its own modules, mypy takes
# a third longer. tests/integration/assistant/test_model.py calls the client itself.

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import httpx2
from httpx2 import Client as DefaultHttpxClient
from httpx2 import Timeout

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "DefaultHttpxClient",
    "OpenAI",
    "Timeout",
]

class APIError(Exception):
    message: str
    request: httpx2.Request

class APIStatusError(APIError):
    response: httpx2.Response
    status_code: int

class APIConnectionError(APIError): ...
class APITimeoutError(APIConnectionError): ...

class OpenAI:
    chat: _Chat
    def __init__(
        self, *, api_key: str, base_url: str, max_retries: int, http_client: httpx2.Client | None = None
    ) -> None: ...
    def close(self) -> None: ...

class _Chat:
    completions: _Completions

class _Completions:
    with_streaming_response: _Streaming

class _Streaming:
    def create(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        max_completion_tokens: int | None,
        timeout: float | Timeout | None,
        extra_body: object | None,
    ) -> AbstractContextManager[_Response]: ...

class _Response:
    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]: ...
