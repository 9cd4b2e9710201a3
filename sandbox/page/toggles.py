"""The faults that the page can switch on with one click, each with a value worth seeing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.switches import Switches

PHONES, WEBHOOKS = "The phones", "Webhooks"
_PRESETS: tuple[tuple[str, str, Any, str], ...] = (
    ("Before it is accepted", "unavailable_next", 3, "503 for the next three"),
    ("Before it is accepted", "server_error_share", 0.3, "500 for three in ten"),
    ("Before it is accepted", "too_many_share", 0.3, "429 for three in ten"),
    ("Before it is accepted", "unauthorized", True, "401: the token is wrong"),
    ("Before it is accepted", "no_credits", True, "402: the credits are used up"),
    ("Before it is accepted", "refuse_in_2xx_share", 0.3, "A success that says no"),
    ("Before it is accepted", "reset_before_read_share", 0.3, "The connection is reset, unread"),
    ("Before it is accepted", "never_answer_unprocessed_share", 0.3, "Not looked at, never answered"),
    ("After it is accepted", "server_error_after_accept", True, "Server errors come after accepting"),
    ("After it is accepted", "close_after_accept_share", 0.3, "Closes without an answer"),
    ("After it is accepted", "reset_after_read_share", 0.3, "Resets instead of answering"),
    ("After it is accepted", "never_answer_share", 0.3, "Never answers"),
    ("After it is accepted", "half_answer_share", 0.3, "Half an answer"),
    ("After it is accepted", "silent_drop_share", 0.3, "Says yes, delivers nothing"),
    (PHONES, "fail_share", 0.3, "Three in ten fail after all"),
    (PHONES, "sent_before_failed", True, "Failures come after sent"),
    (PHONES, "window", True, "Raw messages only within 24 h of a reply"),
    (PHONES, "read_share", 0, "Nobody reads"),
    (WEBHOOKS, "webhook_duplicate_share", 0.3, "Three in ten come twice"),
    (WEBHOOKS, "webhook_reorder_share", 0.3, "Three in ten come after the next"),
    (WEBHOOKS, "webhook_delay_ms", [1_000, 5_000], "1 to 5 s late"),
    (WEBHOOKS, "webhook_loss_share", 0.3, "Three in ten are lost"),
    (WEBHOOKS, "webhook_wrong_signature_share", 0.3, "Three in ten are signed wrongly"),
    (WEBHOOKS, "job_id_in_events", True, "Events name the jobId"),
    ("The account", "limit", "none", "No rate limit"),
    ("The account", "latency_ms", [300, 1_500], "Takes 0.3 to 1.5 s to answer"),
    ("The account", "slow_drip_ms", 20, "Answers byte by byte"),
    ("The account", "retry_after", 5, "Retry-After: 5 with every 429 and 503"),
    ("The account", "success_status", 200, "200 instead of 202"),
    ("The account", "markers", True, "Marked numbers play their fault"),
)


@dataclass(frozen=True, slots=True)
class Toggle:
    """`off` and `preset` are the values a click sets; `value` is the one that holds now."""

    group: str
    switch: str
    words: str
    on: bool
    value: Any
    preset: Any
    off: Any


def toggles(switches: Switches) -> list[Toggle]:
    """Without a webhook nobody would see a phone or a webhook misbehave."""
    now, quiet = switches.model_dump(mode="json"), Switches().model_dump(mode="json")
    return [
        Toggle(group, name, words, now[name] != quiet[name], now[name], preset, quiet[name])
        for group, name, preset, words in _PRESETS
        if switches.webhook_url or group not in (PHONES, WEBHOOKS)
    ]
