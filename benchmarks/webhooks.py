"""Webhooks: stored by the HTTP API, and applied to their messages by one worker at the same time."""

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

GOAL = at_least(10_000)

ABOUT = About(
    "Webhooks",
    f"{CLIENTS} clients POST signed webhooks to the HTTP API: `sent` and `delivered` for each message. One worker "
    "applies them to the messages meanwhile. Stored means answered with 200, after the commit; applied means from the "
    "first POST until the last message is `delivered`.",
    "replies of customers and callbacks to the application. The clients use the same two cores.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    messages, rounds = (100, 1) if quick else (500, 3)
    figures = []
    for name in ("PostgreSQL", "SQLite"):
        with environment.deploy(sqlite=name == "SQLite", CHATMITRA_WEBHOOK_SECRET=WEBHOOK_SECRET) as deployment:
            deployment.start_workers(1)
            url = deployment.start_web()
            rates = [_round(deployment, url, n * messages, messages) for n in range(rounds)]
        figures += [
            Figure(f"stored, {name}", "/min", [stored for stored, _ in rates], GOAL),
            Figure(f"applied, {name}", "/min", [applied for _, applied in rates], GOAL),
        ]
    return figures


def _round(deployment: Deployment, url: str, first: int, messages: int) -> tuple[float, float]:
    """Return webhooks a minute, stored and applied."""
    _send(deployment, first, messages)
    webhooks = [_webhook(status, first + n) for status in ("sent", "delivered") for n in range(messages)]
    start = time.time()
    stored = post_all(url, webhooks, CLIENTS)
    end = wait_until(lambda: deployment.states()["delivered"] >= first + messages, 60, "every webhook is applied")
    return 60 * stored, 60 * len(webhooks) / (end - start)


def _send(deployment: Deployment, first: int, messages: int) -> None:
    """Send templates, which need no open 24-hour window, and wait until Chat Mitra has accepted them."""
    with deployment.client() as client:
        client.send_many([_template(n) for n in range(first, first + messages)])
    wait_until(lambda: deployment.states()["accepted"] >= messages, 60, "every message is accepted")


def _template(n: int) -> Envelope:
    return Envelope(to=recipient(n), messages=[Template("order_sent", body=[text(n)])], category="utility")


def _webhook(status: str, n: int) -> Request:
    template = _template(n).body()["messages"][0]["template"]
    event = {
        "event": "message.sent" if status == "sent" else "message.status.updated",
        "status": status,
        "message_id": f"wamid.{n}",
        "direction": "outbound",
        "to": recipient(n),
        "timestamp": time.time(),
        "message": {"type": "template", "template": template},
    }
    body = json.dumps(event).encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Request("/webhooks/chatmitra", body, {"X-Webhook-Signature": signature})
