"""A client with a database: its messages are committed when the call returns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara import Client, Conflict, Handle, Invalid, NotFound, Text
from tests.integration.client.worker import ASHA


def test_the_message_is_committed_when_send_returns(direct: Client) -> None:
    handle = direct.send("Hello", to=ASHA, reference="order 7")
    assert direct.status("order 7")["state"] == "waiting"
    assert direct.send("Hello", to=ASHA, reference="order 7") == Handle(handle.id, "order 7", new=False)
    with pytest.raises(Conflict):
        direct.send("Something else", to=ASHA, reference="order 7")
    assert direct.cancel(handle)
    with pytest.raises(NotFound):
        direct.status("order 8")


@pytest.mark.parametrize("key", [None, 7, ["order 7"]])
def test_only_a_text_is_a_key(direct: Client, key: Any) -> None:
    """For the database, None would be the reference of each message without one."""
    waiting = direct.send("Hello", to=ASHA)
    for call in (direct.cancel, direct.status):
        with pytest.raises(Invalid, match="key: must be a handle, an id or a reference"):
            call(key)
    assert direct.status(waiting)["state"] == "waiting"


def test_a_refused_message_stops_no_other(direct: Client) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    direct.send("Hello", to=ASHA, reference="r")
    batch = [
        direct.envelope("Too late", to=ASHA, expires=past),
        direct.envelope("Something else", to=ASHA, reference="r"),
        direct.envelope("Fine", to=ASHA),
    ]
    assert [type(answer) for answer in direct.send_many(batch)] == [Invalid, Conflict, Handle]


def test_a_message_is_a_text_or_a_list(direct: Client) -> None:
    """The messages of a list go in one call to Chat Mitra."""
    one, two = direct.envelope("Hello", to=ASHA), direct.envelope([Text("Hello"), Text("again")], to=ASHA)
    assert (one.kind, two.kind) == ("text", "batch")
    assert [handle.new for handle in direct.send_many([one, two]) if isinstance(handle, Handle)] == [True, True]
