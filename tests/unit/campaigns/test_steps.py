"""The steps of a campaign: who goes first, who gets nothing, and what the canary and the answers say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.campaigns.effect import measure
from harkara.campaigns.steps import CampaignSteps, CanaryCounts, campaign_of, judge_canary, producer
from harkara.errors import Invalid
from harkara.times import to_utc

NUMBERS = [f"9198{n:08d}" for n in range(20_000)]
SINCE = to_utc("2026-11-01T10:00:00+05:30")


def share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def test_shares_are_drawn_by_chance_and_always_the_same() -> None:
    steps = CampaignSteps(canary=0.02, wave_share=0.2, hold_out=0.05)
    stages = [steps.stage("sale", to, None) for to in NUMBERS]
    assert stages == [steps.stage("sale", to, None) for to in NUMBERS]
    assert share([stage == 1 for stage in stages]) == pytest.approx(0.02 * 0.2, abs=0.002), "drawn from the first wave"
    assert share([stage <= 2 for stage in stages]) == pytest.approx(0.2, abs=0.01)
    held = [steps.holds_out("sale", to) for to in NUMBERS]
    assert share(held) == pytest.approx(0.05, abs=0.005)
    assert held != [steps.holds_out("spring", to) for to in NUMBERS], "another campaign holds out others"
    first = [stage <= 2 for stage, out in zip(stages, held, strict=True) if out]
    assert share(first) == pytest.approx(0.2, abs=0.05), "the draws are independent"


def test_a_segment_is_the_first_wave_in_whatever_case_it_is_written() -> None:
    steps = CampaignSteps(wave_column="City", wave_value="Pune")
    assert steps.stages == ("wave", "rest")
    assert [steps.stage("sale", "91", city) for city in ("Pune", " PUNE ", "Mumbai", None)] == [1, 1, 2, 2]
    assert CampaignSteps().stages == ("rest",)
    assert CampaignSteps(canary=0.1).stages == ("canary", "rest")


def test_steps_are_written_and_read_and_none_are_none() -> None:
    steps = CampaignSteps(canary=0.1, wave_column="City", wave_value="Pune", hold_out=0.2)
    assert CampaignSteps.load(steps.dump()) == steps
    assert CampaignSteps().dump() is None
    assert CampaignSteps.load(None) == CampaignSteps()
    assert CampaignSteps.load('{"canary": 0.5, "later": 1}') == CampaignSteps(canary=0.5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"canary": 0.0}, "canary: must be more than 0 and at most 0.5"),
        ({"canary": float("nan")}, "canary: must be more than 0 and at most 0.5"),
        ({"hold_out": 0.6}, "hold_out: must be more than 0 and at most 0.5"),
        ({"wave_hours": -1.0}, "wave_hours: must be between 0 and 720"),
        ({"canary_delivered": 2.0}, "canary_delivered: must be between 0 and 1"),
        ({"wave_column": "City"}, "wave_value: a segment needs both a column and a value"),
        ({"wave_column": "a", "wave_value": "b", "wave_share": 0.1}, "wave_share: must not be given together"),
    ],
)
def test_steps_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid) as refused:
        CampaignSteps(**fields)  # type: ignore[arg-type]
    assert str(refused.value).startswith(message)


def test_the_canary_is_judged_on_delivered_failed_and_opted_out() -> None:
    steps = CampaignSteps(canary=0.02)
    assert judge_canary(CanaryCounts(100, 80, 10, 2), steps, 0.1) is None
    assert judge_canary(CanaryCounts(100, 79, 11, 3), steps, 0.1) == (
        "Of 100 messages of the canary 79 were delivered, less than 80 %; 11 failed, more than 10 %;"
        " 3 opted out, more than 2 %. Resume to send the rest, or cancel."
    )
    assert (judge_canary(CanaryCounts(0, 0, 0, 0), steps, 0.1) or "").startswith("No message of the canary was sent")


@pytest.mark.parametrize("percent", range(1, 100))
def test_a_canary_that_is_just_good_enough_passes(percent: int) -> None:
    """Of shares such as 55 %, the product with the number of messages is a little more, or less, than whole."""
    steps = CampaignSteps(canary=0.02, canary_delivered=percent / 100, canary_opted_out=percent / 100)
    for hundreds in range(1, 20):
        sent, just = 100 * hundreds, percent * hundreds
        assert judge_canary(CanaryCounts(sent, just, just, just), steps, percent / 100) is None
        assert judge_canary(CanaryCounts(sent, just - 1, just + 1, just + 1), steps, percent / 100) is not None


def test_each_stage_has_a_producer_from_which_the_campaign_follows() -> None:
    identity = f"camp_{'0' * 32}"
    assert [producer(identity, stage) for stage in (1, 2)] == [identity, f"{identity}-2"]
    assert {campaign_of(producer(identity, stage)) for stage in (1, 2, 3)} == {identity}
    assert campaign_of("shop-2") == "shop-2"


def test_a_clear_effect_is_certain_and_a_small_group_says_nothing() -> None:
    clear = measure(SINCE, 7, (9_500, 1_140), (500, 20), final=True)
    assert (clear.difference, clear.low, clear.high) == (0.08, 0.058077, 0.095479)
    assert clear.sentence == (
        "12.0% of 9,500 recipients wrote, and 4.0% of the 500 who got nothing: the campaign made more people write,"
        " with 95 % confidence between +5.8 and +9.5 points."
    )
    unclear = measure(SINCE, 7, (40, 4), (2, 0), final=False)
    assert unclear.sentence.startswith("10.0% of 40 recipients wrote, and 0.0% of the 2 who got nothing: no effect is")
    assert measure(SINCE, 7, (5, 1), (0, 0), final=False).difference is None


@pytest.mark.parametrize("answered", [9, 1_140])
def test_the_sentence_says_what_the_rounded_numbers_say(answered: int) -> None:
    """The console writes its own sentence, of the numbers alone."""
    found = measure(SINCE, 7, (9_500, answered), (500, 20), final=True)
    assert found.low is not None
    assert found.high is not None
    assert f"between {100 * found.low:+.1f} and {100 * found.high:+.1f} points" in found.sentence


@given(st.integers(1, 2_000), st.integers(1, 2_000), st.randoms())
def test_the_interval_holds_the_difference_and_stays_possible(n: int, m: int, chance: random.Random) -> None:
    found = measure(SINCE, 7, (n, chance.randint(0, n)), (m, chance.randint(0, m)), final=True)
    assert found.low is not None
    assert found.high is not None
    assert found.difference is not None
    assert -1.0001 <= found.low <= found.difference + 1e-4
    assert found.difference - 1e-4 <= found.high <= 1.0001
