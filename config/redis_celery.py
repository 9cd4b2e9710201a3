"""A Celery app on one Redis, which nothing in the environment of the process replaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from celery import Celery
from celery.loaders.app import AppLoader

from harkara.redis_address import RedisAddress

TRANSPORT: Final[Mapping[str, Any]] = {
    "queue_order_strategy": "priority",
    "visibility_timeout": 3600,
    # Without timeouts, kombu waits forever for a server that accepts the connection and does not answer.
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    # A connection to a host that is gone never becomes readable. kombu leaves it when an answer is late by this
    # interval, and looks at each interval: after 9 s at most. With kombu's own 25, a worker is idle for up to 51 s.
    "health_check_interval": 4,
    # kombu retries to open a channel, whatever `retry` the publisher passes: 6 s for a refused connection.
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
"""How the processes of this deployment consume from Redis, and publish."""


class RedisCelery(Celery):
    """A Celery app that connects to the Redis of `redis_url` alone; `transport` holds further options for kombu.

    Celery prefers CELERY_BROKER_URL, CELERY_BROKER_READ_URL, CELERY_BROKER_WRITE_URL, CELERY_RESULT_BACKEND,
    CELERY_CONFIG_MODULE and CELERY_LOADER to what an app was given (celery/app/utils.py and celery/loaders/base.py of
    5.7). In an application with a Celery of its own they name the broker of that one.

    Raises Invalid for a URL that RedisAddress does not read.
    """

    backend_cls = "disabled"

    def __init__(self, main: str, redis_url: str, transport: Mapping[str, Any], **options: Any) -> None:
        self._address = RedisAddress.parse(redis_url)
        super().__init__(main, broker=self._address.broker_url, loader=_Loader, **options)
        tls = dict(self._address.tls or {})
        primary = {"sentinels": self._address.sentinels} if self._address.sentinels else {}
        # kombu shares connections between apps whose URLs and transport options are equal, whatever their TLS.
        self.conf.update(
            broker_use_ssl=tls or None,
            broker_transport_options={**transport, **self._address.options, **primary, "tls": tls},
        )

    def connection_for_read(self, url: str | None = None, **options: Any) -> Any:
        """Connect to the app's own Redis, whatever URL Celery has found."""
        return super().connection_for_read(self._address.broker_url, **options)

    def connection_for_write(self, url: str | None = None, **options: Any) -> Any:
        """Connect to the app's own Redis, whatever URL Celery has found."""
        return super().connection_for_write(self._address.broker_url, **options)


class _Loader(AppLoader):
    def read_configuration(self, env: str = "CELERY_CONFIG_MODULE") -> dict[str, Any]:
        """Read no module of settings."""
        return {}
