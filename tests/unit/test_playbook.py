"""The playbook: every answer has its outcome, and every outcome a sentence that says what to do."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.answers import Answer, NoAnswer, NotSent, Replied, Unknown, Unsent
from harkara.errors import Invalid
from harkara.outcomes import Accepted, Pause, Refused, Uncertain, Wait
from harkara.playbook import WINDOW_CLOSED, Case, Playbook
from harkara.playbook.table import CATEGORIES, Table

FILE = Path(__file__).parents[2] / "config" / "playbook.toml"
PLAYBOOK = Playbook.load(FILE)
FIRST = Case(tries=1, waits=0, resends=0, category="utility", raw=False, seconds_left=86_400)
LATER = Case(tries=5, waits=0, resends=0, category="utility", raw=False, seconds_left=86_400)

THROTTLING = (
    "4 80007 130429 131048 131056 131064 133016 131047 131026 131049 131050 130472 130403 130497 131021 131030 131043 "
    "137000"
)
TEMPLATES = (
    "132000 132001 132005 132007 132008 132012 132015 132016 132018 132068 132069 134101 134100 134102 131055 131063 "
    "131051 131052 131053 131008 131009 100 135000 131062"
)
ACCOUNT = (
    "0 190 3 10 200 250 299 131005 368 131031 131042 131045 133010 133006 133000 131037 33 134011 133005 133008 133009 "
    "133015 1 2 131000 131016 133004 131057"
)
CODES = f"{THROTTLING} {TEMPLATES} {ACCOUNT}".split()


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


class FullJitter(random.Random):
    def random(self) -> float:
        return 1.0


def judge(answer: Answer, case: Case = FIRST, **more: Any) -> Any:
    return PLAYBOOK.judge(answer, case, NoJitter(), **more)


def code(number: int, status: int = 400) -> Replied:
    return Replied(status, code=str(number), text="what the provider says")


# What Chat Mitra takes


def test_a_message_that_was_taken_is_accepted() -> None:
    assert judge(Replied(202, job_id="job_1", ok=True)) == Accepted("job_1", 202)


# HTTP


def test_too_many_requests_wait_as_long_as_asked_and_cost_nothing() -> None:
    waited = judge(Replied(429, retry_after=7.0))
    assert (waited.seconds, waited.spent, waited.status, waited.code) == (7.0, False, 429, "429")
    assert judge(Replied(429)).seconds == 60
    assert judge(Replied(429), replace(LATER, waits=50)).seconds == 60
    assert judge(Replied(429, retry_after=0.0)).seconds == 1.0


def test_service_unavailable_backs_off_and_costs_a_try() -> None:
    assert [judge(Replied(503), replace(FIRST, tries=n)).seconds for n in (1, 2, 3, 4)] == [15, 30, 60, 120]
    assert judge(Replied(503)).spent
    assert judge(Replied(503, retry_after=90.0)).seconds == 90
    assert judge(Replied(503, retry_after=1.0)).seconds == 15


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404])
def test_what_only_an_operator_can_mend_parks_the_lane_and_burns_nothing(status: int) -> None:
    parked = judge(Replied(status), LATER)
    assert isinstance(parked, Wait)
    assert (parked.seconds, parked.spent) == (None, False)
    assert parked.pause == Pause("lane", None, str(status), parked.reason)


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refusal_is_final_and_keeps_the_providers_words(status: int) -> None:
    refused = judge(Replied(status, text="Text contains invalid characters"))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.text, refused.status) == (str(status), "Text contains invalid characters", status)


def test_an_error_in_a_success_is_judged_by_its_code_and_else_final() -> None:
    assert isinstance(judge(Replied(200, text="No")), Refused)
    assert judge(code(131056, 200)).pause.scope == "recipient"
    assert judge(code(429, 200)).code == "429"
    assert judge(code(401, 200)).pause.scope == "lane"


@pytest.mark.parametrize("status", [500, 502, 504, 520])
def test_a_server_error_is_in_doubt_and_sent_again_as_the_category_says(status: int) -> None:
    answer = Replied(status)
    after = {category: judge(answer, replace(FIRST, category=category)).resend_after for category in CATEGORIES}
    assert after == {"authentication": 20, "reply": 60, "utility": 60, "marketing": None}
    assert [judge(answer, replace(FIRST, resends=n)).resend_after for n in (1, 2, 3)] == [300, 900, None]


# Connections


@pytest.mark.parametrize("reason", get_args(Unsent))
def test_what_was_not_sent_is_tried_again_ever_more_slowly_and_costs_nothing(reason: Unsent) -> None:
    waits = [judge(NotSent(reason), replace(LATER, waits=n, waited_for=reason)) for n in (0, 1, 2, 20)]
    assert [wait.seconds for wait in waits] == [2, 4, 8, 300]
    assert not any(wait.spent or wait.pause for wait in waits)


@pytest.mark.parametrize("reason", get_args(Unknown))
def test_a_lost_answer_is_in_doubt_and_sent_again_as_the_category_says(reason: Unknown) -> None:
    after = {
        category: judge(NoAnswer(reason), replace(FIRST, category=category)).resend_after for category in CATEGORIES
    }
    assert after == {"authentication": 20, "reply": None, "utility": None, "marketing": None}


def test_a_utility_template_in_doubt_goes_again_only_on_evidence() -> None:
    doubt = judge(NoAnswer("reset"), evidence=True)
    assert (doubt.resend_after, doubt.on_evidence) == (600, True)
    assert not judge(NoAnswer("reset")).on_evidence
    assert not judge(Replied(502), evidence=True).on_evidence
    assert not judge(NoAnswer("reset"), replace(FIRST, category="authentication"), evidence=True).on_evidence
    assert judge(NoAnswer("reset"), replace(FIRST, seconds_left=599), evidence=True).resend_after is None
    assert judge(NoAnswer("reset"), replace(FIRST, resends=1), evidence=True).resend_after is None


def test_a_code_in_doubt_goes_again_once_and_only_while_it_is_valid() -> None:
    otp = replace(FIRST, category="authentication")
    assert judge(NoAnswer("closed"), replace(otp, resends=1)).resend_after is None
    assert judge(NoAnswer("closed"), replace(otp, seconds_left=20)).resend_after is None
    assert judge(NoAnswer("closed"), replace(otp, seconds_left=21)).resend_after == 20


def test_a_message_whose_worker_died_is_in_doubt_like_a_lost_answer() -> None:
    assert PLAYBOOK.after_crash(FIRST) == Uncertain("crash", PLAYBOOK.after_crash(FIRST).reason, None)
    assert PLAYBOOK.after_crash(FIRST, evidence=True).resend_after == 600
    assert PLAYBOOK.after_crash(replace(FIRST, category="authentication")).resend_after == 20


def test_a_category_that_nobody_knows_counts_as_utility() -> None:
    assert judge(Replied(500), replace(FIRST, category="service")).resend_after == 60


# WhatsApp's codes


@pytest.mark.parametrize("number", CODES)
def test_every_known_code_is_in_the_playbook(number: str) -> None:
    outcome = judge(Replied(400, code=number))
    assert outcome.code in (number, WINDOW_CLOSED)


def test_one_person_written_to_too_often_waits_alone_and_ever_longer() -> None:
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


def test_an_undeliverable_message_is_judged_by_our_own_window_clock() -> None:
    raw = replace(FIRST, raw=True, category="reply")
    assert judge(code(131026), raw).code == WINDOW_CLOSED
    assert judge(code(131026), raw, window="shut").code == WINDOW_CLOSED
    assert judge(code(131026), raw, window="open").code == "131026"
    assert judge(code(131026), window="shut").code == "131026"


def test_an_unknown_code_is_tried_once_more_and_then_waits_for_the_operator() -> None:
    assert (judge(code(999_999)).seconds, judge(code(999_999)).spent) == (600, True)
    parked = judge(code(999_999), replace(FIRST, tries=2))
    assert isinstance(parked, Wait)
    assert (parked.seconds, parked.spent, parked.pause) == (None, False, None)
    assert "what the provider says" in parked.reason


def test_a_status_that_says_enough_beats_an_unknown_code() -> None:
    assert judge(code(999_999, 401)).pause.scope == "lane"
    assert isinstance(judge(code(999_999, 500)), Uncertain)


def test_a_code_that_only_repeats_the_status_is_none() -> None:
    assert isinstance(judge(code(400, 400)), Refused)


def test_a_code_in_words_leaves_it_to_the_status() -> None:
    assert isinstance(judge(Replied(400, code="INVALID_PHONE")), Refused)


def test_whatsapps_code_beats_a_server_error_for_it_says_that_nothing_was_accepted() -> None:
    assert judge(code(131000, 500)).seconds == 30


def test_marketing_held_back_waits_a_day_twice_and_then_fails() -> None:
    assert judge(code(131049)).seconds == 86_400
    assert judge(code(131049), replace(FIRST, waits=1, waited_for="131049")).seconds == 86_400
    assert isinstance(judge(code(131049), replace(FIRST, waits=2, waited_for="131049")), Refused)


def test_waits_for_another_reason_do_not_count() -> None:
    case = replace(FIRST, waits=9, waited_for="429")
    assert judge(code(131049), case).seconds == 86_400


def test_a_template_that_is_not_there_yet_is_looked_for_once_more() -> None:
    assert judge(code(132001)).pause == Pause("template", 600, "132001", judge(code(132001)).pause.reason)
    again = judge(code(132001), replace(FIRST, tries=2))
    assert (again.seconds, again.pause.seconds) == (None, None)


# Enough is enough


def test_when_the_tries_are_used_up_the_sentence_says_how_many_there_were() -> None:
    refused = judge(Replied(503), LATER)
    assert isinstance(refused, Refused)
    assert refused.advice.startswith("Tried 5 times without success. ")


def test_a_code_may_have_fewer_tries() -> None:
    assert isinstance(judge(code(1), replace(FIRST, tries=3)), Refused)


REPLIES = st.builds(
    Replied,
    status=st.integers(-1, 1200) | st.sampled_from([200, 400, 429, 500, 503]),
    code=st.none() | st.sampled_from(CODES) | st.integers(0, 10**7).map(str) | st.text(max_size=8),
    text=st.text(max_size=40),
    job_id=st.none() | st.text(max_size=8),
    ok=st.booleans(),
    retry_after=st.none() | st.floats(0, 86_400),
)
ANSWERS = REPLIES | st.sampled_from(
    [*map(NotSent, get_args(Unsent)), *map(NoAnswer, get_args(Unknown))],
)
CASES = st.builds(
    Case,
    tries=st.integers(0, 10**6),
    waits=st.integers(0, 10**6),
    resends=st.integers(0, 10**6),
    category=st.sampled_from(CATEGORIES) | st.text(max_size=5),
    raw=st.booleans(),
    seconds_left=st.floats(-1e6, 1e9),
)


@given(ANSWERS, CASES, st.sampled_from(["open", "shut", "unknown"]), st.booleans(), st.randoms())
def test_every_answer_has_an_outcome(
    answer: Answer, case: Case, window: Any, evidence: bool, rng: random.Random
) -> None:
    outcome = PLAYBOOK.judge(answer, case, rng, window=window, evidence=evidence)
    assert isinstance(outcome, Accepted | Wait | Refused | Uncertain)


@given(ANSWERS, CASES)
def test_jitter_only_ever_adds(answer: Answer, case: Case) -> None:
    least, most = (PLAYBOOK.judge(answer, case, rng) for rng in (NoJitter(), FullJitter()))
    if isinstance(least, Wait) and least.seconds is not None:
        assert isinstance(most, Wait)
        assert most.seconds == pytest.approx(1.25 * least.seconds)
        if isinstance(answer, Replied):
            assert least.seconds >= (answer.retry_after or 0)
    else:
        assert most == least


# What failed later


def undelivered(code: str | None, *, raw: bool = False, window: Any = "shut") -> Refused:
    return PLAYBOOK.undelivered(code, "what WhatsApp says", raw=raw, window=window)


@pytest.mark.parametrize("code", [*CODES, "999999", None])
@pytest.mark.parametrize("raw", [True, False])
def test_every_later_failure_is_final_and_has_a_sentence(code: str | None, raw: bool) -> None:
    refused = undelivered(code, raw=raw)
    assert refused.advice.endswith(".")
    assert refused.text == "what WhatsApp says"
    assert refused.pause is None or refused.pause.code == code


def test_a_later_failure_that_would_have_waited_says_that_this_message_does_not() -> None:
    assert "had been taken already and is over" in undelivered("131049").advice
    assert "had been taken already" not in undelivered("131050").advice


def test_a_number_that_cannot_be_reached_is_a_closed_window_unless_that_is_known_to_be_open() -> None:
    assert undelivered("131026", raw=True).code == WINDOW_CLOSED
    assert undelivered("131026", raw=True, window="unknown").code == WINDOW_CLOSED
    assert undelivered("131026", raw=True, window="open").code == "131026"
    assert undelivered("131026").code == "131026"
    assert undelivered("131047", raw=True).code == WINDOW_CLOSED


def test_a_later_failure_holds_back_what_it_is_about() -> None:
    pauses = {code: undelivered(code).pause for code in ("131042", "132015", "130429", "131050", "132000")}
    assert {code: (p.scope, p.seconds) if p else None for code, p in pauses.items()} == {
        "131042": ("lane", None),
        "132015": ("template", 10800),
        "130429": ("lane", 1),
        "131050": None,
        "132000": ("template", None),
    }


# The file


def test_every_sentence_is_one_that_ends() -> None:
    table = Table.load(FILE)
    entries = (*table.code, *table.http, *table.event, table.unknown)
    assert [
        entry.sentence for entry in entries if not entry.sentence.endswith(".") or entry.sentence[0].islower()
    ] == []


@pytest.mark.parametrize(
    ("old", "new", "named", "rule"),
    [
        ("base = 1, factor = 4", "base = -1, factor = 4", "code 131056: delays", "greater than 0"),
        ('on = [131047]\nclass = "template"', 'on = [131047]\nclass = "retyr"', "code 131047: class", "'retry'"),
        ("on = [131047]", "on = [131056]", "the file", "code 131056 has two entries"),
        ("seconds = 300 # Meta", "delays = [1]", "code 133015:", "retry and wait"),
        ('unless-open = "131047"', 'unless-open = "999"', "the file", "999, which has no entry"),
        ("[uncertain.marketing]", "[uncertain.markting]", "the file", "no entry for marketing"),
        ('on = ["crash"]', 'on = ["krash"]', "the file", "no entry for crash"),
        ("on = [131047]\n", "", "the file", "does not say what it is"),
        ("on = [131047]", "of = [131047]", "code no. 7: of", "not permitted"),
        ("tries = 5", "", "tries", "required"),
        ("tries = 5", "tries = = 5", "cannot be read as TOML", "line"),
        (
            "lost = { after = [600], evidence = true }",
            "lost = { after = 600 }",
            "uncertain.utility.lost.after",
            "tuple",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_by_its_entry(tmp_path: Path, old: str, new: str, named: str, rule: str) -> None:
    text = FILE.read_text()
    assert old in text
    path = tmp_path / "playbook.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Invalid) as caught:
        Playbook.load(path)
    assert named in str(caught.value)
    assert rule in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"playbook\.toml"):
        Playbook.load(tmp_path / "playbook.toml")


def test_the_file_alone_changes_the_judgement(tmp_path: Path) -> None:
    path = tmp_path / "playbook.toml"
    path.write_text(FILE.read_text().replace("lost = { after = [20] }", "lost = { after = [5, 7] }"))
    otp = replace(FIRST, category="authentication", resends=1)
    assert Playbook.load(path).after_crash(otp).resend_after == 7
