"""POST one signed callback to the URL of the application."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult

from standardwebhooks import Webhook

from harkara.answers import seconds_to_wait
from harkara.callbacks.address import Resolve, resolve
from harkara.callbacks.connector import TIMEOUT_SECONDS, Blocked, BoundedReply, Connector, NoResponse
from harkara.errors import Invalid
from harkara.http_url import parse_http_url


@dataclass(frozen=True, slots=True)
class Responded:
    """The application responded. `retry_after` is in seconds."""

    status: int
    retry_after: float | None = None


EndpointResponse = Responded | NoResponse | Blocked


class Endpoint:
    """The callback URL of the application, with the secret that signs each POST.

    `private` allows http, and addresses of this machine or of a private network. `seconds` is the timeout of a POST.
    `ca_bundle` names a file of certificates to trust instead of the system's. Raises Invalid for a `url` that is not
    https, unless `private`, and for a `secret` that is not in the form of Standard Webhooks.

    A POST uses a connection of its own, and neither redirects nor proxies nor cookies.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        private: bool = False,
        seconds: float = TIMEOUT_SECONDS,
        resolve: Resolve = resolve,
        ca_bundle: str | None = None,
    ) -> None:
        self._url = _validated_url(url, private)
        self._signer = _signer(secret)
        self._connector = Connector(private=private, seconds=seconds, resolve=resolve, ca_bundle=ca_bundle)

    def post(
        self, identity: str, body: bytes, at: datetime | None = None, traceparent: str | None = None
    ) -> EndpointResponse:
        """Send one callback, JSON in UTF-8, signed at this time. Never raises for a fault of network or server.

        The application refuses a signature whose time is minutes away from its own. Without `at` it is this host's.
        `traceparent` is the W3C Trace Context that the application gave to the message.
        """
        headers = self._headers(identity, body, at or datetime.now(UTC))
        if traceparent:
            headers["traceparent"] = traceparent
        match self._connector.request("POST", self._url, headers, body):
            case Blocked(reason):
                return Blocked(f"{reason}: set HARKARA_CALLBACK_PRIVATE, or correct the URL")
            case NoResponse() as failed:
                return failed
            case response:
                return Responded(response.status, seconds_to_wait(response.headers))

    def ask(self, identity: str, body: bytes, most: int) -> BoundedReply | NoResponse | Blocked:
        """Send a signed question, as `post` does, and return the answer with a body of at most `most` bytes."""
        return self._connector.fetch("POST", self._url, self._headers(identity, body, datetime.now(UTC)), body, most)

    def _headers(self, identity: str, body: bytes, at: datetime) -> dict[str, str]:
        """Return the headers of Standard Webhooks: every try has the same id, and its own time and signature."""
        return {
            "Content-Type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(identity, at, body.decode()),
        }


def _validated_url(url: str, private: bool) -> SplitResult:
    parts = parse_http_url(url)
    if parts is None:
        raise Invalid("url", "must be a full URL in ASCII without a user name, for example https://example.com/harkara")
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise Invalid("url", "must begin with https://, or with http:// where private addresses are allowed")
    return parts


def _signer(secret: str) -> Webhook:
    """The specification demands 24 to 64 random bytes (Standard Webhooks, Signature scheme)."""
    prefix, _, text = secret.partition("_")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise Invalid("secret", "must be whsec_ and the base64 of 24 to 64 random bytes")
    return Webhook(key)
