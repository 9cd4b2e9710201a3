"""Webhooks: stored by the HTTP API, then applied to their messages by one worker."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from benchmarks.about import About
from benchmarks.environment import WEBHOOK_SECRET, Deployment, Environment
from benchmarks.figure import Figure, at_least
from benchmarks.http_clients import Request, post_all
from benchmarks.messages import recipient, text
from harkara import Envelope, Template
from harness.waiting import wait_until

CLIENTS = 8

PATIENCE = 180.0
"""Seconds that each step may take."""

GOAL = at_least(10_000)

ABOUT = About(
    "Webhooks",
    f"{CLIENTS} clients POST signed webhooks to the HTTP API: `sent` and `delivered` for each message. Stored means "
    "answered with 200, after the commit. Then one worker starts and applies them; its time is from the first message "
    "that changes to the last.",
    "replies of customers and callbacks to the application. The clients use the same two cores.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    messages, rounds, ledgers = (100, 1, ("SQLite",)) if quick else (500, 3, ("PostgreSQL", "SQLite"))
    figures = []
    for name in ledgers:
        with environment.deploy(sqlite=name == "SQLite", CHATMITRA_WEBHOOK_SECRET=WEBHOOK_SECRET) as deployment:
            _send(deployment, rounds * messages)
            url = deployment.start_web()
            stored = [_store(url, n * messages, messages) for n in range(rounds)]
            applied = _apply(deployment, rounds * messages)
        figures += [
            Figure(f"stored, {name}", "/min", stored, GOAL),
            Figure(f"applied by one worker, {name}", "/min", [applied], GOAL),
        ]
    return figures


def _store(url: str, first: int, messages: int) -> float:
    """Return webhooks a minute."""
    webhooks = [status_webhook(status, n) for status in ("sent", "delivered") for n in range(first, first + messages)]
    return 60 * post_all(url, webhooks, CLIENTS)


def _apply(deployment: Deployment, messages: int) -> float:
    """Return webhooks a minute."""
    deployment.start_workers(1, ready=False)
    start = wait_until(lambda: _count_applied(deployment) > 0, PATIENCE, "the first webhook is applied", interval=0.01)
    before = _count_applied(deployment)
    end = wait_until(
        lambda: _count_applied(deployment) >= 2 * messages, PATIENCE, "every webhook is applied", interval=0.02
    )
    return 60 * (2 * messages - before) / (end - start)


def _count_applied(deployment: Deployment) -> int:
    """Count `sent` for each message that it has reached, and `delivered` as well."""
    states = deployment.states()
    return states["sent"] + 2 * states["delivered"]


def _send(deployment: Deployment, messages: int) -> None:
    """Let a worker send templates, which need no open 24-hour window, and end it when Chat Mitra has accepted them."""
    with deployment.client() as client:
        client.send_many([template(n) for n in range(messages)])
    for worker in deployment.start_workers(1):
        wait_until(lambda: deployment.states()["accepted"] >= messages, PATIENCE, "every message is accepted")
        worker.terminate()


def template(n: int) -> Envelope:
    """Return a message that needs no open 24-hour window."""
    return Envelope(to=recipient(n), messages=[Template("order_sent", body=[text(n)])], category="utility")


def status_webhook(status: str, n: int) -> Request:
    """Return the signed webhook by which Chat Mitra says that `template(n)` is `sent` or `delivered`."""
    sent = template(n).body()["messages"][0]["template"]
    event = {
        "event": "message.sent" if status == "sent" else "message.status.updated",
        "status": status,
        "message_id": f"wamid.{n}",
        "direction": "outbound",
        "to": recipient(n),
        "timestamp": time.time(),
        "message": {"type": "template", "template": sent},
    }
    body = json.dumps(event).encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Request("/webhooks/chatmitra", body, {"X-Webhook-Signature": signature})
