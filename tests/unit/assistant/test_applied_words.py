"""What the ledger has applied, such as the Confirm of a reminder, is no question beside one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harkara.assistant.talk import Said, Talk
from tests.unit.assistant.talks import MONDAY, assistant, talk

SHIPPED = assistant()
ADDRESS = ("address",)


def after_reminder(*words: str, answer: str | None = "confirmed", button: str | None = None) -> Talk:
    """A burst after a reminder with this answer; `button` is the id of what was tapped last."""
    found = talk(("application", "appointment_reminder"), *words)
    reminder = Said(by="application", text="appointment_reminder", at=MONDAY, answer=answer)
    *others, last = found.said[1:]
    return replace(found, said=(reminder, *others, replace(last, button=button)))


@pytest.mark.parametrize("words", [("where is your clinic", "yes"), ("Confirm", "where is your clinic")])
def test_a_confirm_beside_a_question_leaves_the_question(words: tuple[str, ...]) -> None:
    proposal = SHIPPED.propose(after_reminder(*words))
    assert (proposal.citations, proposal.hand_over) == (ADDRESS, None)


def test_a_tapped_button_of_a_reminder_beside_a_question_leaves_the_question() -> None:
    proposal = SHIPPED.propose(after_reminder("where is your clinic", "Confirm", button="CONFIRM"))
    assert (proposal.citations, proposal.hand_over) == (ADDRESS, None)


def test_an_answer_that_no_reminder_got_is_read_with_the_question() -> None:
    proposal = SHIPPED.propose(after_reminder("where is your clinic", "reschedule"))
    assert proposal.citations == ("address", "appointment-change")


def test_an_answer_alone_is_for_the_application() -> None:
    assert SHIPPED.propose(after_reminder("yes")).texts == ()


@pytest.mark.parametrize("words", ["START", "stop offers", "ऑफर बंद करो"])
def test_a_consent_beside_a_question_leaves_the_question(words: str) -> None:
    proposal = SHIPPED.propose(talk("where is your clinic", words))
    assert (proposal.citations, proposal.hand_over) == (ADDRESS, None)


def test_after_stop_nothing_is_said() -> None:
    assert SHIPPED.propose(talk("where is your clinic", "STOP")).texts == ()
