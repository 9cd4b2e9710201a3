"""What an operator does: look messages up, decide about them, park lanes."""

from __future__ import annotations

import json

from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.messages.claim import claim
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.queries import get_status
from harkara.ledger.messages.record import record
from harkara.messages import Template
from harkara.outcomes import Refused, Replaced, Uncertain
from harkara.states import State
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import NUMBER, Harkara, attempted, run, store


def test_the_status_of_a_waiting_message_says_when_it_is_sent_and_how_to_cancel_it(
    harkara: Harkara, ledger: Database
) -> None:
    identity = store(ledger, reference="o1")
    result = harkara("status", "o1")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{identity}  waiting\n")
    assert f"`harkara cancel {identity}` cancels it" in result.stdout
    assert "accepted here" in result.stdout
    assert NUMBER[2:] not in result.stdout


def test_the_status_of_a_cancelled_message_names_who_cancelled_it(harkara: Harkara, ledger: Database) -> None:
    identity = store(ledger)
    assert harkara("cancel", identity, "--by", "Asha").stdout == f"{identity}  cancelled\n"
    found = json.loads(harkara("status", identity, "--json").stdout)
    assert (found["state"], found["reason"], found["next"]) == ("cancelled", "cancelled by Asha", None)
    assert [line["event"] for line in found["trace"]] == ["accepted here", "cancelled"]


def test_an_unknown_message_exits_with_3(harkara: Harkara, ledger: Database) -> None:
    result = harkara("status", "o1", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "error": {"type": "NotFound", "message": "no message has this id or reference"}
    }


def test_the_status_behind_a_parked_lane_says_how_to_unpark_it(harkara: Harkara, ledger: Database) -> None:
    identity = store(ledger)
    assert harkara("lanes", "park", "default", "--reason", "Wrong price.").exit_code == 0
    assert (
        "Lane default is parked: Wrong price. Run `harkara lanes unpark default`" in harkara("status", identity).stdout
    )


def test_a_text_from_chat_mitra_cannot_control_the_terminal(harkara: Harkara, ledger: Database) -> None:
    identity = attempted(ledger, Refused("x", "\x1b[2Jgone [red]", "Ask support.", 400))
    printed = harkara("status", identity).stdout
    assert "\x1b" not in printed
    assert "[2Jgone [red]" in printed


def test_the_list_finds_messages_by_every_filter_and_shows_no_number(harkara: Harkara, ledger: Database) -> None:
    first = store(ledger, reference="o1")
    second = store(ledger, Template("visit", body=["Asha"]), lane="shop", producer="app")
    third = attempted(ledger, Uncertain("timeout", "No answer came.", None))
    for words, expected in (
        ([], [third, second, first]),
        (["--state", "waiting", "--state", "uncertain"], [third, second, first]),
        (["--state", "uncertain"], [third]),
        (["--lane", "shop"], [second]),
        (["--template", "visit", "--producer", "app"], [second]),
        (["--reference", "o1"], [first]),
        (["--to", "+91 98765-43210", "--code", "timeout"], [third]),
        (["--to", "+91 98765-43211"], []),
        (["--since", "-1h", "--limit", "2"], [third, second]),
        (["--before", second], [first]),
        (["--until", "-1h"], []),
        (["--flagged"], []),
    ):
        shown = json.loads(harkara("list", *words, "--json").stdout)
        assert [message["id"] for message in shown["messages"]] == expected, words
    for_people = harkara("list", "--limit", "2")
    assert [line.split()[0] for line in for_people.stdout.splitlines()] == ["id", third, second]
    assert for_people.stderr == f"3 messages match; for the next, add --before {second}\n"
    assert NUMBER[2:] not in for_people.stdout


def test_cancelling_several_prints_the_result_of_each(harkara: Harkara, ledger: Database) -> None:
    waiting, gone = store(ledger), attempted(ledger, Uncertain("timeout", "No answer came.", None))
    result = harkara("cancel", waiting, gone)
    assert result.exit_code == 4
    assert result.stdout == f"{waiting}  cancelled\n{gone}  too late: it is uncertain\n"
    assert harkara("cancel", waiting, "o9").exit_code == 3


def test_an_operator_resolves_an_uncertain_message(harkara: Harkara, ledger: Database) -> None:
    identity = attempted(ledger, Uncertain("timeout", "No answer came.", None))
    assert f"harkara resolve {identity}" in harkara("status", identity).stdout
    assert harkara("resolve", identity).exit_code == 2
    assert harkara("resolve", identity, "--sent", "--drop").exit_code == 2
    assert harkara("resolve", identity, "--sent", "--by", "Asha").stdout == f"{identity}  accepted\n"
    assert get_status(ledger, identity)["reason"] == "Seen to have arrived, says Asha."
    assert harkara("resolve", identity, "--resend").exit_code == 4


def test_the_lanes_show_their_messages_and_those_that_are_not_configured(harkara: Harkara, ledger: Database) -> None:
    store(ledger, lane="hotel")
    park(ledger, "shop", "Wrong price.")
    lanes = {lane["lane"]: lane for lane in json.loads(harkara("lanes", "--json").stdout)["lanes"]}
    assert {name: (lane["configured"], lane["state"]) for name, lane in lanes.items()} == {
        "default": (True, "open"),
        "hotel": (False, "open"),
        "shop": (True, "parked"),
    }
    assert lanes["default"]["allowance"] == "20/60s"
    assert lanes["hotel"]["messages"] == {"waiting": 1}
    assert lanes["shop"]["since"] is not None
    shown = harkara("lanes").stdout.splitlines()
    assert "not configured" in shown[2]
    assert "Wrong price." in shown[3]


def test_only_a_known_lane_can_be_parked(harkara: Harkara, ledger: Database) -> None:
    result = harkara("lanes", "park", "hotel")
    assert result.exit_code == 4
    assert "known lanes: default, shop" in result.stderr


def test_unparking_a_lane_releases_its_messages_at_once(
    ledger: Database, environment: dict[str, str], redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    identity = store(ledger, at=None)
    park(ledger, "default", "Wrong price.")
    code, out, err = run(environment, "lanes", "unpark", "default", "--json")
    assert (code, json.loads(out), err) == (0, {"lane": "default", "state": "open", "lifted": 1}, "")
    assert get_status(ledger, identity)["state"] == State.QUEUED


def test_a_message_replaced_by_a_template_says_so(harkara: Harkara, ledger: Database) -> None:
    identity = store(ledger, at=None, fallback=Template("we_are_open"))
    (claimed,) = claim(ledger, [identity], 10)
    with ledger.write() as tx:
        replaced = Replaced("window-closed", "They have not written for a day: its fallback goes instead.")
        record(tx, [ClaimResult.of(claimed, replaced, posted=False)])
    shown = harkara("status", identity).stdout
    assert "template we_are_open (utility)" in shown
    assert "Sent as a template" in shown
    assert "its fallback goes instead. [window-closed]" in shown
