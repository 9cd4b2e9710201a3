"""The outcome of each WhatsApp code, in an answer or in a later failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harkara.answers import Replied
from harkara.outcomes import Pause, Refused, Uncertain, Wait
from harkara.playbook import WINDOW_CLOSED
from tests.unit.playbook.judging import CODES, FIRST, LATER, PLAYBOOK, code, judge


@pytest.mark.parametrize("number", CODES)
def test_every_known_code_is_in_the_playbook(number: str) -> None:
    outcome = judge(Replied(400, code=number))
    assert outcome.code in (number, WINDOW_CLOSED)


def test_a_recipient_with_too_many_messages_waits_alone_and_with_backoff() -> None:
    waits = [judge(code(131056), replace(LATER, waits=n, waited_for="131056")) for n in (0, 1, 2, 3)]
    assert [wait.seconds for wait in waits] == [1, 4, 16, 64]
    assert [wait.pause for wait in waits] == [
        Pause("recipient", 4.0**n, "131056", waits[0].pause.reason) for n in range(4)
    ]
    assert not any(wait.spent for wait in waits)


@pytest.mark.parametrize("number", [132000, 132008, 132012])
def test_wrong_values_fail_the_message_and_pause_the_template(number: int) -> None:
    refused = judge(code(number))
    assert isinstance(refused, Refused)
    assert refused.pause == Pause("template", None, str(number), refused.advice)


def test_a_closed_window_fails_with_the_advice_to_send_a_template() -> None:
    refused = judge(code(131047))
    assert isinstance(refused, Refused)
    assert refused.code == WINDOW_CLOSED
    assert "template" in refused.advice


def test_an_undeliverable_message_is_judged_by_the_window_in_the_ledger() -> None:
    raw = replace(FIRST, raw=True, category="reply")
    assert judge(code(131026), raw).code == WINDOW_CLOSED
    assert judge(code(131026), raw, window="shut").code == WINDOW_CLOSED
    assert judge(code(131026), raw, window="open").code == "131026"
    assert judge(code(131026), window="shut").code == "131026"


def test_an_unknown_code_is_retried_once_and_then_waits_for_an_operator() -> None:
    assert (judge(code(999_999)).seconds, judge(code(999_999)).spent) == (600, True)
    parked = judge(code(999_999), replace(FIRST, tries=2))
    assert isinstance(parked, Wait)
    assert (parked.seconds, parked.spent, parked.pause) == (None, False, None)
    assert "what the provider says" in parked.reason


def test_a_status_with_an_entry_of_its_own_beats_an_unknown_code() -> None:
    assert judge(code(999_999, 401)).pause.scope == "lane"
    assert isinstance(judge(code(999_999, 500)), Uncertain)


def test_a_code_that_repeats_the_status_is_ignored() -> None:
    assert isinstance(judge(code(400, 400)), Refused)


def test_with_a_code_in_words_the_status_decides() -> None:
    assert isinstance(judge(Replied(400, code="INVALID_PHONE")), Refused)


def test_a_whatsapp_code_beats_a_server_error_because_it_is_a_refusal() -> None:
    assert judge(code(131000, 500)).seconds == 30


def test_limited_marketing_waits_a_day_twice_and_then_fails() -> None:
    assert judge(code(131049)).seconds == 86_400
    assert judge(code(131049), replace(FIRST, waits=1, waited_for="131049")).seconds == 86_400
    assert isinstance(judge(code(131049), replace(FIRST, waits=2, waited_for="131049")), Refused)


def test_waits_for_another_reason_do_not_count() -> None:
    context = replace(FIRST, waits=9, waited_for="429")
    assert judge(code(131049), context).seconds == 86_400


def test_a_missing_template_is_tried_once_more() -> None:
    assert judge(code(132001)).pause == Pause("template", 600, "132001", judge(code(132001)).pause.reason)
    again = judge(code(132001), replace(FIRST, tries=2))
    assert (again.seconds, again.pause.seconds) == (None, None)


def undelivered(code: str | None, *, raw: bool = False, window: Any = "shut") -> Refused:
    return PLAYBOOK.undelivered(code, "what WhatsApp says", raw=raw, window=window)


@pytest.mark.parametrize("code", [*CODES, "999999", None])
@pytest.mark.parametrize("raw", [True, False])
def test_every_later_failure_is_final_and_has_a_sentence(code: str | None, raw: bool) -> None:
    refused = undelivered(code, raw=raw)
    assert refused.advice.endswith(".")
    assert refused.text == "what WhatsApp says"
    assert refused.pause is None or refused.pause.code == code


def test_a_later_failure_of_a_retried_class_says_that_this_message_is_not_retried() -> None:
    assert "so it is not tried again" in undelivered("131049").advice
    assert "not tried again" not in undelivered("131050").advice


def test_only_the_codes_of_a_closed_window_let_a_fallback_be_sent_later() -> None:
    assert {number for number in CODES if PLAYBOOK.may_need_template(number)} == {"131047", "131026"}
    assert not PLAYBOOK.may_need_template(None)
    assert not PLAYBOOK.may_need_template("999999")


def test_an_unreachable_number_is_a_closed_window_unless_the_window_is_known_to_be_open() -> None:
    assert undelivered("131026", raw=True).code == WINDOW_CLOSED
    assert undelivered("131026", raw=True, window="unknown").code == WINDOW_CLOSED
    assert undelivered("131026", raw=True, window="open").code == "131026"
    assert undelivered("131026").code == "131026"
    assert undelivered("131047", raw=True).code == WINDOW_CLOSED


def test_a_later_failure_pauses_the_lane_or_template_that_it_is_about() -> None:
    pauses = {code: undelivered(code).pause for code in ("131042", "132015", "130429", "131050", "132000")}
    assert {code: (p.scope, p.seconds) if p else None for code, p in pauses.items()} == {
        "131042": ("lane", None),
        "132015": ("template", 10800),
        "130429": ("lane", 1),
        "131050": None,
        "132000": ("template", None),
    }
