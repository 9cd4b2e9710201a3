"""Sends a text by the name of a Celery task, without Harkara. Start: `python examples/celery_producer.py`."""

from __future__ import annotations

import os

from celery import Celery


def send(redis_url: str) -> None:
    app = Celery(broker=redis_url, set_as_current=False)
    app.send_task(
        "harkara.enqueue",
        args=[{"recipient_mobile_number": "919876543210", "message": "Your order is ready."}],
        kwargs={"reference": "order-7-ready"},
        queue="harkara.accept",
        ignore_result=True,
    )
    app.close()


if __name__ == "__main__":
    send(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
