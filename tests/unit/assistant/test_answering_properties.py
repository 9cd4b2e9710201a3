"""Whatever is said, the answer is short, greets once and repeats no secret."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.assistant.message_form import script_of
from harkara.assistant.talk import Proposal
from tests.unit.assistant.talks import MONDAY, ScriptedModel, assistant, model_says, said, talk

KNOWN = [
    "is there parking",
    "gpay chalta hai kya",
    "आपका पता क्या है?",
    "where is my order",
    "क्लिनिक कब खुलता है?",
    "appointment kaise book kare",
    "What is your return policy? Do you have cash on delivery?",
    "hi",
    "thanks",
    "👍",
    "AGENT",
    "are you a robot",
    "",
    "do you sell bicycles",
]
SECRETS = ["4111 1111 1111 1111", "2345 6789 0124", "ABCPE1234F", "password is Tulip@123", "otp 482913"]
HIDDEN = ["4111", "2345 6789", "ABCPE1234F", "Tulip@123", "482913"]
LINES = st.one_of(st.sampled_from(KNOWN), st.text(max_size=60), st.sampled_from(SECRETS))
SPOKEN = st.lists(st.tuples(st.sampled_from(["customer", "customer", "customer", "assistant", "application"]), LINES))
QUOTING = [
    "",
    "Your card is [card-1] and your password is [password-1].",
    "Code [code-1], PAN [pan-1], [aadhaar-1].",
    "Parking is free. " * 200,
    "**Parking** is ₹499. मुफ़्त है।",
]
MODELS: list[ScriptedModel | None] = [None, *(model_says(text, "faq:parking") for text in QUOTING)]
ASSISTANTS = [assistant(model) for model in MODELS]
HIDE = str.maketrans("", "", " -")


def is_short(proposal: Proposal) -> bool:
    return len(proposal.texts) <= 3 and all(0 < len(text) <= 1_000 for text in proposal.texts)


@settings(max_examples=150)
@given(SPOKEN, st.booleans(), st.sampled_from(ASSISTANTS))
def test_an_answer_is_short_greets_once_and_repeats_no_secret(
    lines: list[tuple[str, str]], greeted: bool, answering: object
) -> None:
    spoken = replace(talk(greeted=greeted), said=said(*lines))  # type: ignore[arg-type]  # speakers
    proposal = answering.propose(spoken)  # type: ignore[attr-defined]
    assert is_short(proposal)
    assert sum(text.count("🤖") for text in proposal.texts) == (0 if greeted or not proposal.texts else 1)
    assert not any(script_of(text) == "both" for text in proposal.texts)
    whole = "".join((*proposal.texts, proposal.summary or ""))
    assert [secret for secret in HIDDEN if secret.replace(" ", "") in whole.translate(HIDE)] == []
    assert len(proposal.buttons) <= 3
    assert bool(proposal.summary) == (proposal.hand_over is not None)


@settings(max_examples=60)
@given(st.lists(LINES, min_size=1, max_size=4))
def test_a_talk_is_answered_the_same_again_but_for_the_cache(burst: list[str]) -> None:
    first, second = (assistant().propose(talk(*burst, now=MONDAY)) for _ in range(2))
    assert replace(first, milliseconds=0) == replace(second, milliseconds=0)
