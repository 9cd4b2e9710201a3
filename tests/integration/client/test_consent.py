"""An application records opt-outs and opt-ins, through Redis or in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from harkara import Client, Invalid, NotFound
from harkara.intake.stream import Intake
from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.database import Database
from harkara.ledger.messages.search import list_messages
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.integration.client.worker import ASHA, running_worker


def test_consent_recorded_through_redis_reaches_the_ledger(
    client: Client, valkey_server: ValkeyServer, db: Database
) -> None:
    client.opt_out(ASHA, proof="Ticked off in the profile")
    handle = client.send("Hello", to=ASHA)
    client.opt_in(ASHA, proof="Form of May", category="marketing", lane="north")
    with running_worker(valkey_server, db):
        wait_until(lambda: list_messages(db), 60, "the worker has committed it")
        found = client.status(handle)
        assert (found["state"], found["code"]) == ("cancelled", "opted-out")
    default, north = list_contacts(db, "919876500001")
    assert (default.stopped, north.stopped) == ("everything", None)
    assert north.agreed_at
    assert (default.proofs[0].how, default.proofs[0].proof) == ("application", "Ticked off in the profile")


def test_an_opt_out_by_user_id_reaches_the_ledger(client: Client, valkey_server: ValkeyServer, db: Database) -> None:
    client.opt_out("IN.13491208655302741918", proof="Wrote to the support")
    with running_worker(valkey_server, db):
        wait_until(lambda: is_known(db, "IN.13491208655302741918"), 60, "the worker has committed it")


def test_an_opt_out_in_the_ledger_refuses_later_messages(db: Database) -> None:
    with Client(database_url=str(db.url)) as one:
        waiting = one.send("Hello", to=ASHA)
        one.opt_out(ASHA, proof="Ticked off in the profile")
        assert one.status(waiting)["state"] == "cancelled"
        with pytest.raises(Invalid, match=r"^to: wants no more messages"):
            one.send("Hello", to=ASHA)
        one.opt_in(ASHA, proof="Ticked again")
        assert one.send("Hello", to=ASHA).new


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to": "12"}, "to"),
        ({"proof": " "}, "proof"),
        ({"category": "offers"}, "category"),
        ({"lane": "No lane"}, "lane"),
    ],
)
def test_a_consent_argument_that_breaks_a_rule_raises_invalid(
    client: Client, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid, match=f"^{field}: "):
        client.opt_out(**{"to": ASHA, "proof": "Form of May"} | wrong)


@pytest.mark.parametrize(("wrong", "field"), [({"lane": "Shop"}, "lane"), ({"to": 919876500001}, "to")])
def test_a_consent_argument_is_validated_before_the_ledger_has_it(
    db: Database, wrong: dict[str, Any], field: str
) -> None:
    """An opt-out of a lane that cannot exist would stop no message."""
    with Client(database_url=str(db.url)) as one, pytest.raises(Invalid, match=f"^{field}: "):
        one.opt_out(**{"to": ASHA, "proof": "Form of May"} | wrong)
    assert not is_known(db)


def test_an_invalid_consent_entry_stops_no_other(client: Client, valkey_server: ValkeyServer, db: Database) -> None:
    with connect(valkey_server.url, seconds=30) as redis:
        Intake(redis).append("wish", ["no JSON", "[]", '{"lane": "default"}'])
    client.opt_out(ASHA, proof="Form of May")
    with running_worker(valkey_server, db):
        wait_until(lambda: is_known(db), 60, "the worker has committed it")


def is_known(db: Database, name: str = "919876500001") -> bool:
    try:
        return bool(list_contacts(db, name))
    except NotFound:
        return False
