"""The faults that the page switches on with one click, each with an illustrative value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.switches import Switches

BEFORE, AFTER, PHONES, WEBHOOKS, ACCOUNT = (
    "Before the message is accepted",
    "After the message is accepted",
    "Phones",
    "Webhooks",
    "Account",
)
_PRESETS: tuple[tuple[str, str, Any, str], ...] = (
    (BEFORE, "unavailable_next", 3, "503 for the next three requests"),
    (BEFORE, "server_error_share", 0.3, "500 for 30 %"),
    (BEFORE, "too_many_share", 0.3, "429 for 30 %"),
    (BEFORE, "unauthorized", True, "401: invalid token"),
    (BEFORE, "no_credits", True, "402: no credits left"),
    (BEFORE, "refuse_in_2xx_share", 0.3, "Success status with an error body for 30 %"),
    (BEFORE, "reset_before_read_share", 0.3, "Connection reset before the request is read for 30 %"),
    (BEFORE, "never_answer_unprocessed_share", 0.3, "Not accepted and no response for 30 %"),
    (AFTER, "server_error_after_accept", True, "Server errors come after accepting"),
    (AFTER, "close_after_accept_share", 0.3, "Connection closed without a response for 30 %"),
    (AFTER, "reset_after_read_share", 0.3, "Connection reset instead of a response for 30 %"),
    (AFTER, "never_answer_share", 0.3, "No response for 30 %"),
    (AFTER, "half_answer_share", 0.3, "Half a response for 30 %"),
    (AFTER, "silent_drop_share", 0.3, "Success, but not delivered for 30 %"),
    (PHONES, "fail_share", 0.3, "30 % fail after they were accepted"),
    (PHONES, "sent_before_failed", True, "Failures come after sent"),
    (PHONES, "window", True, "Raw messages only within 24 h of the customer's last message"),
    (PHONES, "read_share", 0, "No message is read"),
    (WEBHOOKS, "webhook_duplicate_share", 0.3, "30 % arrive twice"),
    (WEBHOOKS, "webhook_reorder_share", 0.3, "30 % arrive after the next one"),
    (WEBHOOKS, "webhook_delay_ms", [1_000, 5_000], "1 to 5 s late"),
    (WEBHOOKS, "webhook_loss_share", 0.3, "30 % are lost"),
    (WEBHOOKS, "webhook_wrong_signature_share", 0.3, "30 % have a wrong signature"),
    (WEBHOOKS, "job_id_in_events", True, "Events contain the jobId"),
    (ACCOUNT, "limit", "none", "No rate limit"),
    (ACCOUNT, "latency_ms", [300, 1_500], "Responses take 0.3 to 1.5 s"),
    (ACCOUNT, "slow_drip_ms", 20, "Responses arrive byte by byte"),
    (ACCOUNT, "retry_after", 5, "Retry-After: 5 with every 429 and 503"),
    (ACCOUNT, "success_status", 200, "200 instead of 202"),
    (ACCOUNT, "markers", True, "Marked numbers cause their fault"),
)


@dataclass(frozen=True, slots=True)
class Toggle:
    """One switch of the page: a click sets `off` or `preset`; `value` is the current one."""

    group: str
    switch: str
    label: str
    on: bool
    value: Any
    preset: Any
    off: Any


def toggles(switches: Switches) -> list[Toggle]:
    """Return all toggles; those of phones and webhooks only if a webhook URL is set, without which they do nothing."""
    now, defaults = switches.model_dump(mode="json"), Switches().model_dump(mode="json")
    return [
        Toggle(group, name, label, now[name] != defaults[name], now[name], preset, defaults[name])
        for group, name, preset, label in _PRESETS
        if switches.webhook_url or group not in (PHONES, WEBHOOKS)
    ]
