"""The client: how an application sends messages, saves occasions and records consent."""

from __future__ import annotations

from harkara.client.consent import ConsentCalls
from harkara.client.messages import MessageCalls
from harkara.client.occasions import OccasionCalls


class Client(MessageCalls, OccasionCalls, ConsentCalls):
    """A connection of one application to Harkara.

    With `redis_url` alone, a message is as durable as Redis when `send` returns, and a worker stores it in the ledger
    moments later. With `database_url`, its row is committed when `send` returns; `redis_url` then only speeds it up.

    Args:
        redis_url: URL of the workers' Redis, such as `redis://127.0.0.1:6379/0`. With the first hand-over, a client
            without `database_url` logs a warning if no worker has ever used it.

    Keyword Args:
        database_url (str | None): SQLAlchemy URL of the ledger, for an application that may write to it.
        producer (str): Name of this application. Producers share a lane's allowance fairly.
        lane (str): Name of the Chat Mitra account to send from, unless a call names another.
        region (str): Country of phone numbers without a country code, as two letters.
        seconds (float): Timeout of each call. A call that exceeds it raises Unavailable; repeat it with the same
            reference.
        deadlines (Mapping[str, float]): Seconds by category after which a message without `expires` is not sent. Needs
            `database_url`; through Redis alone the workers' settings apply.
        catalogue (Path | str | Catalogue | None): The template catalogue or its TOML file. Default: what the workers
            publish to Redis.
        reminders (Path | str | Rules | None): The reminder rules or their TOML file. Default: what the workers publish
            to Redis.
        replicas (int): How many replicas of Redis must have a message before `send` returns. With 1, a failover to a
            replica loses no hand-over. Not for a client with `database_url`.

    Raises:
        Invalid: Neither URL is given, `redis_url` is wrong, or the catalogue's file breaks a rule.

    A client is a context manager that closes its connections, and may be shared by threads.
    """
