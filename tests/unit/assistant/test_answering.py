"""The assistant answers cheapest first, says what it is once, and hands over what it does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from harkara.assistant.answering import Assistant
from harkara.assistant.knowledge.faq import Faq, FaqEntry
from harkara.assistant.knowledge.retrieval import FaqIndex
from harkara.assistant.message_form import script_of
from harkara.assistant.model import ModelFailure, Quoted
from harkara.assistant.replay import TurnOutcome, measure, read_talks, replay_talk
from harkara.assistant.rules import AssistantRules
from harkara.assistant.talk import HandOverCause, Said, Speaker
from tests.unit.assistant.shipped import CONFIG, SYNONYMS
from tests.unit.assistant.talks import KOLKATA, MONDAY, WORDS, ScriptedModel, assistant, model_says, talk

SHIPPED = assistant()
US: tuple[Speaker, str] = ("assistant", "We are open until 19:00.")
TALKS = CONFIG.parent / "examples" / "assistant-talks.jsonl"


@pytest.mark.parametrize(
    ("burst", "cause", "begin"),
    [
        ([""], "unknown", "I cannot open photos"),
        (["what is this medicine", ""], "unknown", "I cannot open photos"),
        (["AGENT"], "asked", "Of course."),
        (["hi, agent please"], "asked", "Of course."),
        (["एजेंट"], "asked", "ज़रूर।"),
        (["kisi insaan se baat karna hai"], "asked", "Zaroor."),
        (["where is my order", "I want to talk to a person"], "asked", "Of course."),
        (["talk to a", "person"], "asked", "Of course."),
        (["Talk to a person"], "asked", "Of course."),
        (["this is pathetic, where is my order"], "anger", "I'm sorry about this."),
        (["😡😡"], "anger", "I'm sorry about this."),
        (["bakwas service hai"], "anger", "Is pareshani"),
        (["बहुत घटिया सर्विस है"], "anger", "इस परेशानी"),
        (["are you a bot?", US, "are you human???"], "robot", "I am an automatic assistant."),
        (["order kab aayega", US, "Order kab ayega??"], "repeated", "Maaf kijiye"),
        (["do you sell bicycles"], "unknown", "Let me check that for you."),
        (["क्या आप ट्रैक्टर किराये पर देते हैं?"], "unknown", "हम यह देखकर"),
        (["4512"], "unknown", "Let me check that for you."),
    ],
)
def test_a_person_goes_on_and_it_is_said(
    burst: list[str | tuple[Speaker, str]], cause: HandOverCause, begin: str
) -> None:
    proposal = SHIPPED.propose(talk(*burst))
    assert proposal.hand_over == cause
    assert proposal.texts[0].startswith(begin)
    assert len(proposal.texts) == 1
    assert proposal.source == "rule"
    assert proposal.summary
    assert not proposal.buttons


@pytest.mark.parametrize(
    ("burst", "greeted", "text"),
    [
        (["thanks"], True, "You're welcome."),
        (["ok thank you so much 🙏"], True, "You're welcome."),
        (["धन्यवाद"], True, "आपका स्वागत है।"),
        (["hello"], True, "How can I help you?"),
        (["नमस्ते"], True, "बताइए, क्या मदद चाहिए?"),
        (["thanks"], False, None),
        (["ok"], True, None),
        (["👍🏽"], True, None),
        (["theek hai ji"], True, None),
        (["STOP"], True, None),
        (["मैसेज बंद करो"], False, None),
        ([("application", "Your appointment is at 10:00."), "Confirm"], False, None),
        ([("application", "Your appointment is at 10:00."), "yes"], False, None),
        ([US], True, None),
        ([], False, None),
    ],
)
def test_small_talk_gets_a_short_answer_or_none_and_no_person(
    burst: list[str | tuple[Speaker, str]], greeted: bool, text: str | None
) -> None:
    proposal = SHIPPED.propose(talk(*burst, greeted=greeted))
    assert proposal.texts == ((text,) if text else ())
    assert proposal.hand_over is None


@pytest.mark.parametrize(
    ("question", "entry", "begin"),
    [
        ("until what time are you open", "opening-hours", "We are open"),
        ("क्लिनिक कब खुलता है?", "opening-hours", "हम सोमवार"),
        ("clinic kab khulega", "opening-hours", "Hum somvar"),
        ("gpay chalta hai kya", "payment-methods", "You can pay"),
        ("Track order", "order-status", "Please send your order number"),
    ],
)
def test_a_known_question_is_answered_in_the_customers_language(question: str, entry: str, begin: str) -> None:
    proposal = SHIPPED.propose(talk(question))
    assert (proposal.hand_over, proposal.citations) == (None, (entry,))
    assert proposal.texts[0].startswith(begin)


def test_an_answer_comes_from_the_faq_and_then_from_the_cache() -> None:
    fresh = assistant()
    assert [fresh.propose(talk(text)).source for text in ("Is COD available?", "is cod available", "COD?")] == [
        "faq",
        "cache",
        "faq",
    ]


def test_the_buttons_of_the_entry_are_offered_and_a_tap_counts_as_its_text() -> None:
    assert SHIPPED.propose(talk("how many days for delivery")).buttons == ("Track order",)
    tapped = talk("")
    tapped = replace(tapped, said=(Said(by="customer", text="", at=MONDAY, button="Track order"),))
    assert SHIPPED.propose(tapped).citations == ("order-status",)
    titled = replace(tapped, said=(Said(by="customer", text="Talk to a person", at=MONDAY, button="b1"),))
    assert SHIPPED.propose(titled).hand_over == "asked"


@pytest.mark.parametrize(
    ("question", "greeting"),
    [
        ("what is the delivery charge", "🤖 I'm the assistant of our shop. Reply AGENT for a person.\n\nDelivery is"),
        ("आपका पता क्या है?", "🤖 मैं हमारी दुकान का सहायक हूँ। किसी व्यक्ति से बात करने के लिए एजेंट लिखें।\n\nआशा"),
        ("डिलीवरी चार्ज कितना है?", "🤖 I'm the assistant of our shop. Reply AGENT for a person.\n\nDelivery is"),
        ("delivery free hai kya", "🤖 Main our shop ka assistant hoon."),
        ("AGENT", "🤖 I'm the assistant of our shop."),
        ("are you a robot?", "🤖 I'm the assistant of our shop. Reply AGENT for a person.\n\nYes, I am an automatic"),
    ],
)
def test_the_first_answer_says_what_it_is_in_the_script_of_the_answer(question: str, greeting: str) -> None:
    first = SHIPPED.propose(talk(question, greeted=False))
    assert first.texts[0].startswith(greeting)
    assert len(first.texts) == 1
    assert "🤖" not in SHIPPED.propose(talk(question, greeted=True)).texts[0]


def test_the_business_has_a_name_in_each_script() -> None:
    named = assistant(business={"name": "Asha Clinic", "name-hi": "आशा क्लिनिक"})
    assert "Asha Clinic" in named.propose(talk("AGENT", greeted=False)).texts[0]
    assert "आशा क्लिनिक" in named.propose(talk("एजेंट", greeted=False)).texts[0]


def test_each_known_question_of_a_burst_is_answered_once() -> None:
    proposal = SHIPPED.propose(talk("hi", "is there parking", "do you accept UPI?", "can I pay by card?"))
    assert proposal.hand_over is None
    assert proposal.citations == ("parking", "payment-methods")
    assert "parking for patients" in proposal.texts[0]
    assert proposal.texts[0].count("You can pay by UPI") == 1


@pytest.mark.parametrize(
    ("message", "citations", "cause"),
    [
        ("Is there parking? Do you accept insurance?", ("parking", "insurance"), None),
        ("Is there parking? Do you sell bicycles?", ("parking",), "unknown"),
        ("where is my order?? it is late", ("order-status",), None),
        ("hi! is there parking? please?", ("parking",), None),
        ("क्या पर्चा ज़रूरी है? रिपोर्ट कब मिलेगी?", ("prescription", "reports"), None),
    ],
)
def test_two_questions_in_one_message_are_two(message: str, citations: tuple[str, ...], cause: str | None) -> None:
    proposal = SHIPPED.propose(talk(message))
    assert (proposal.citations, proposal.hand_over) == (citations, cause)


def test_a_question_over_several_messages_is_one() -> None:
    assert SHIPPED.propose(talk("mera order", "kab tak", "aayega")).citations == ("order-status",)


def test_what_is_known_of_a_burst_is_answered_before_a_person_goes_on() -> None:
    proposal = assistant().propose(talk("is there parking", "do you sell bicycles"))
    assert (proposal.hand_over, proposal.citations, proposal.source) == ("unknown", ("parking",), "faq")
    assert "parking for patients" in proposal.texts[0]
    assert proposal.texts[-1].endswith("Let me check that for you. A colleague answers you here.")


def test_of_more_than_three_questions_three_are_answered_and_a_person_goes_on() -> None:
    proposal = SHIPPED.propose(talk("is there parking", "do you accept UPI?", "bill chahiye", "blood test ki report"))
    assert (len(proposal.citations), proposal.hand_over) == (3, "unknown")


def faq_assistant(*entries: FaqEntry) -> Assistant:
    faq = Faq.of(entries)
    return Assistant(AssistantRules(), WORDS, faq, FaqIndex(faq, SYNONYMS), zone_of=lambda lane: KOLKATA)


def test_an_expired_entry_is_not_used_from_the_next_local_day_on() -> None:
    offer = FaqEntry(id="offer", questions=("diwali offer",), answer="Yes.", valid_until=date(2027, 1, 11))
    expiring = faq_assistant(offer)
    assert expiring.propose(talk("diwali offer?")).citations == ("offer",)
    late = datetime(2027, 1, 11, 18, 31, tzinfo=UTC)  # 12 January in India
    assert expiring.propose(talk("diwali offer?", now=late)).hand_over == "unknown"


def test_answers_that_are_too_long_together_are_left_to_a_person() -> None:
    long = ("word " * 198 + "end. ") * 2
    wordy = faq_assistant(
        *(FaqEntry(id=name, questions=(f"{name} question",), answer=long) for name in ("red", "blue"))
    )
    alone = wordy.propose(talk("red question"))
    assert (len(alone.texts), alone.hand_over) == (2, None)
    both = wordy.propose(talk("red question", "blue question"))
    assert (both.citations, both.hand_over) == (("red",), "unknown")
    assert len(both.texts) == 3


def test_the_longest_answer_has_room_for_the_longest_greeting() -> None:
    longest = " ".join("word " * words + "end." for words in (135, 198, 198))
    rules = AssistantRules.model_validate(
        {"business": {"name": "b" * 60}, "sentences": {"en": {"greeting": "{business}" + "g" * 249}}}
    )
    faq = Faq.of([FaqEntry(id="rules", questions=("shop rules",), answer=longest)])
    wordy = Assistant(rules, WORDS, faq, FaqIndex(faq, SYNONYMS), zone_of=lambda lane: KOLKATA)
    proposal = wordy.propose(talk("shop rules"))
    assert (len(proposal.texts), proposal.citations, proposal.hand_over) == (3, ("rules",), None)
    with pytest.raises(ValueError, match="with a greeting"):
        FaqEntry(id="rules", questions=("shop rules",), answer="\n".join(["w" * 900] * 2 + ["w" * 880]))
    in_hindi = longest.replace("word", "शब्द").replace("end.", "अंत।")
    assert FaqEntry(id="niyam", questions=("दुकान के नियम",), answer=in_hindi).answer == in_hindi


HOURS = {day: ["10:00-19:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday")}


@pytest.mark.parametrize(
    ("now", "question", "end"),
    [
        ("2027-01-11T06:00", "AGENT", "A colleague goes on with you here."),
        ("2027-01-11T03:00", "AGENT", "\n\nOur team is back today at 10:00."),
        ("2027-01-11T14:00", "AGENT", "\n\nOur team is back tomorrow at 10:00."),
        ("2027-01-16T14:00", "AGENT", "\n\nOur team is back on Monday at 10:00."),
        ("2027-01-16T14:00", "एजेंट", "\n\nहमारी टीम सोमवार को 10:00 बजे से उपलब्ध है।"),
        ("2027-01-25T14:00", "do you sell bicycles", "\n\nOur team is back on Wednesday at 10:00."),
    ],
)
def test_outside_the_hours_a_hand_over_says_when_people_are_back(now: str, question: str, end: str) -> None:
    closed = assistant(hours=HOURS | {"holidays": ["2027-01-26"]})
    texts = closed.propose(talk(question, now=datetime.fromisoformat(now).replace(tzinfo=UTC))).texts
    assert texts[-1].endswith(end)


def test_a_model_is_asked_only_for_what_the_faq_does_not_answer() -> None:
    model = model_says("Yes, parking is free.", "faq:parking")
    asking = assistant(model)
    assert asking.propose(talk("gpay chalta hai kya")).source == "faq"
    assert model.asked == []
    answered = asking.propose(talk("kitchen parking bicycles situation"))
    assert (answered.source, answered.citations, answered.hand_over) == ("model", ("parking",), None)
    assert (answered.texts, answered.tokens, answered.price) == (("Yes, parking is free.",), 100, 7)


ORDER = Quoted("lookup:order", '{"state": "on its way", "day": "12 January"}')


@pytest.mark.parametrize(
    ("model", "cause", "failure"),
    [
        (model_says("It arrives on 12 January.", "lookup:order", quoted=[ORDER]), None, None),
        (model_says("It arrives on 14 January.", "lookup:order", quoted=[ORDER]), "unsafe", "unsafe: ungrounded"),
        (model_says("Yes, we sell them."), "unsafe", "unsafe: uncited"),
        (model_says("Your card is [card-1].", "lookup:order", quoted=[ORDER]), "unsafe", "unsafe: placeholder"),
        (model_says("I write to [email-1].", "lookup:order", quoted=[ORDER]), None, None),
        (model_says("I write to [email-2].", "lookup:order", quoted=[ORDER]), "unsafe", "unsafe: placeholder"),
        (model_says("", hand_over=True), "model", None),
        (ScriptedModel(ModelFailure("timeout", "no answer in 8 s")), "failed", "timeout: no answer in 8 s"),
    ],
)
def test_an_answer_of_the_model_is_sent_only_if_it_is_checked(
    model: ScriptedModel, cause: HandOverCause | None, failure: str | None
) -> None:
    proposal = assistant(model).propose(talk("zzz card 4111 1111 1111 1111, mail asha@example.com"))
    assert (proposal.hand_over, proposal.failure) == (cause, failure)
    assert proposal.tokens == 100
    assert "4111" not in "".join(proposal.texts)
    (prompt,) = model.asked
    assert "4111" not in prompt.question


def test_what_the_faq_knows_of_a_burst_is_answered_when_the_model_fails() -> None:
    failing = assistant(ScriptedModel(ModelFailure("busy", "429")))
    proposal = failing.propose(talk("is there parking", "do you sell bicycles"))
    assert proposal.texts[0].startswith("Yes, there is free parking")
    assert proposal.texts[-1].endswith("We are connecting you with our team.")
    assert (proposal.hand_over, proposal.source) == ("failed", "backup")


def test_the_backup_is_said_once_in_a_talk() -> None:
    failing = assistant(ScriptedModel(ModelFailure("halted", "the model is halted after failures")))
    before: tuple[Speaker, str] = ("assistant", "We are connecting you with our team.")
    again = failing.propose(talk("do you sell bicycles", before, "do you sell tractors"))
    assert (again.texts, again.hand_over, again.failure is None) == ((), "failed", False)
    known = failing.propose(talk("do you sell bicycles", before, "is there parking", "do you sell tractors"))
    assert "parking" in known.texts[0]
    assert "connecting" not in "".join(known.texts)


@pytest.mark.parametrize(
    ("burst", "parts"),
    [
        (["order ORD-1042 kahan hai", US, "AGENT"], ["asks for a person", "Order: ORD-1042.", "About: order-status."]),
        (["order no 5512 is late, pathetic"], ["is angry", "Order: 5512.", "Language: English."]),
        (["do you sell bicycles"], ["no knowledge answers", "Last question: do you sell bicycles"]),
        (["zzz card 4111 1111 1111 1111"], ["Last question: zzz card [card-1]"]),
        (["ऑर्डर 7781 बकवास"], ["Order: 7781.", "Language: Hindi."]),
    ],
)
def test_the_summary_names_order_subject_language_and_question(
    burst: list[str | tuple[Speaker, str]], parts: list[str]
) -> None:
    summary = SHIPPED.propose(talk(*burst)).summary or ""
    assert [part for part in parts if part not in summary] == []
    assert "4111 1111" not in summary


def test_the_milliseconds_are_those_of_the_clock() -> None:
    ticks = iter((1.0, 1.25))
    faq = Faq()
    timed = Assistant(
        AssistantRules(),
        WORDS,
        faq,
        FaqIndex(faq, SYNONYMS),
        zone_of=lambda lane: KOLKATA,
        clock=lambda: next(ticks),
    )
    assert timed.propose(talk("AGENT")).milliseconds == 250


@pytest.fixture(scope="module")
def outcomes() -> list[TurnOutcome]:
    replayed = assistant()
    return [
        outcome
        for one in read_talks(TALKS)
        for outcome in replay_talk(one, lambda asked, recorded: replayed.propose(asked), WORDS)
    ]


def test_the_shipped_talks_are_answered_by_the_faq_or_handed_over_rightly(outcomes: list[TurnOutcome]) -> None:
    measures = measure(outcomes)
    print(measures)
    assert [(each.talk.name, each.fault, each.leaked, each.forbidden) for each in outcomes if each.failed] == []
    assert measures.talks == 60
    assert measures.answered >= 36
    assert measures.handed_over_rightly == measures.handed_over
    assert (measures.wrong, measures.leaked, measures.injected) == (0, 0, 0)


def test_no_message_of_the_shipped_talks_mixes_scripts(outcomes: list[TurnOutcome]) -> None:
    texts = [text for each in outcomes if each.proposal for text in each.proposal.texts]
    assert len(texts) > 50
    assert [text for text in texts if script_of(text) == "both"] == []
