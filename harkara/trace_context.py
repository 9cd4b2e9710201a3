"""W3C Trace Context: the header `traceparent`, and the context to which all spans of a message are linked.

It needs no tracing library. A context is written as version 00 of the header, in 55 characters:
`00-<32 hex digits of the trace>-<16 of the parent span>-<2 of the flags>` (Trace Context, Recommendation, 3.2).
"""

from __future__ import annotations

import re
import sys

_LONGEST = 512
"""A header of a later version may be longer, but not without a limit."""

_HEADER = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED, _RANDOM = 1, 2
_ID = re.compile(r"job_([0-9a-f]{32})")


def parse_traceparent(header: str | None) -> str | None:
    """Return the context of a header, as version 00; None for a text that is none, which must be ignored.

    Only the flags `sampled` and `random` are kept: the others are not defined.
    """
    found = _HEADER.fullmatch(header.strip()) if header and len(header) <= _LONGEST else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    return f"00-{found[2]}-{found[3]}-{int(found[4], 16) & (_SAMPLED | _RANDOM):02x}"


def current_traceparent() -> str | None:
    """Return the context of the caller's current span, None without one.

    An application that traces has imported OpenTelemetry itself; this never does.
    """
    library = sys.modules.get("opentelemetry.trace")
    if library is None:
        return None
    context = library.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & (_SAMPLED | _RANDOM):02x}"


def sampled_context(identity: str, traceparent: str | None, ratio: float) -> str | None:
    """Return the context to which the spans of a message are linked; None if it has no spans.

    The caller's flag decides about a message with a `traceparent`. Of the others a share of `ratio` has spans, in a
    trace that the message's id names: every process finds the same without asking another.
    """
    if traceparent is not None:
        return traceparent if int(traceparent[-2:], 16) & _SAMPLED else None
    if not ratio or (found := _ID.fullmatch(identity)) is None:
        return None
    digits = found[1]
    if int(digits[-8:], 16) >= ratio * 0x1_0000_0000:
        return None
    return parse_traceparent(f"00-{digits}-{accept_span(identity)}-01")


def accept_span(identity: str) -> str:
    """Return the id of the span of an acceptance: the end of the id that the message had then, which is random."""
    return identity[-16:]


def traceresponse(context: str, identity: str) -> str:
    """Return the response header that names the span of the acceptance (Trace Context, editor's draft of level 3)."""
    return f"{context[:36]}{accept_span(identity)}-01"
