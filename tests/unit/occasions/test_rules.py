"""The reminders file: its shipped content, and errors that name rule and field."""

from __future__ import annotations

import json
import re
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.lanes import Lane, QuietHours
from harkara.occasions import ReminderPlan, Rules
from harkara.occasions.rules import Offset
from tests.unit.occasions.cases import FILE, SHIPPED

LESSON = """
[kind.maths_lesson."-1h"]
offset = "-1h"
template = "lesson_reminder"
not_before = "-3h"
useful_until = "-10m"
quiet = "skip"
"""


def load(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "reminders.toml"
    path.write_text(text, "utf-8")
    return Rules.load(path)


def test_the_shipped_file_has_the_reminders_that_chat_mitra_recommends() -> None:
    """Chat Mitra docs, template gallery: the time of each reminder. The last three kinds are follow-ups of our own."""
    offsets = {
        kind: [(rule.offset.amount, rule.offset.unit, rule.at and f"{rule.at:%H:%M}") for rule in rules.values()]
        for kind, rules in SHIPPED.kind.items()
    }
    assert offsets == {
        "appointment": [(-86400, "seconds", None), (-7200, "seconds", None)],
        "reservation": [(-86400, "seconds", None), (-7200, "seconds", None)],
        "payment": [(-3, "days", "10:00"), (-1, "days", "10:00"), (0, "days", "10:00")],
        "delivery": [(0, "days", "08:00")],
        "service_alert": [(-172800, "seconds", None)],
        "overdue": [(1, "days", "10:00"), (3, "days", "10:00"), (7, "days", "10:00")],
        "feedback": [(7200, "seconds", None)],
        "cart": [(3600, "seconds", None), (86400, "seconds", None)],
    }


@pytest.mark.parametrize("kind", ["appointment", "reservation"])
def test_the_template_that_says_tomorrow_is_not_sent_two_hours_before(kind: str) -> None:
    rules = SHIPPED.for_kind(kind)
    assert {name: rule.template for name, rule in rules.items()} == {
        "-24h": f"{kind}_reminder",
        "-2h": f"{kind}_reminder_2h",
    }


def test_a_custom_kind_is_another_table(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, FILE.read_text("utf-8") + LESSON).for_kind("maths_lesson").values()
    assert (rule.offset, rule.not_before, rule.useful_until) == (
        Offset(-3600, "seconds"),
        Offset(-10800, "seconds"),
        Offset(-600, "seconds"),
    )


@pytest.mark.parametrize(
    ("written", "read"), [("-90s", "-90s"), ("-60s", "-1m"), ("-120m", "-2h"), ("+90m", "+90m"), ("+3600s", "+1h")]
)
def test_an_offset_is_shown_in_its_largest_whole_unit(tmp_path: Path, written: str, read: str) -> None:
    text = LESSON.replace('offset = "-1h"', f'offset = "{written}"').replace('"-10m"', '"+2d"')
    (rule,) = load(tmp_path, FILE.read_text("utf-8") + text).for_kind("maths_lesson").values()
    assert str(rule.offset) == read


def test_at_is_a_local_time() -> None:
    assert SHIPPED.for_kind("payment")["0d"].at == time(10, 0)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    known = "appointment, reservation, payment, delivery, service_alert, overdue, feedback, cart"
    with pytest.raises(Invalid, match=rf"^kind: must be one of {known};"):
        SHIPPED.for_kind("birthday")
    with pytest.raises(Invalid, match=r"^kind: must be one of"):
        SHIPPED.digest("birthday")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"-1h"\ntem', '"-1w"\ntem', 'maths_lesson -1h: offset: must look like "-24h", "-30m", "-3d", "0d" or "+2h"'),
        ('"-1h"\ntem', '"1h"\ntem', "maths_lesson -1h: offset: must look like"),
        ('"-1h"\ntem', '"-0h"\ntem', "maths_lesson -1h: offset: must look like"),
        ('"-1h"\ntem', "-1\ntem", "maths_lesson -1h: offset: must look like"),
        ('"-3h"', '"yesterday"', "maths_lesson -1h: not_before: must look like"),
        ('"-10m"', '"10m"', "maths_lesson -1h: useful_until: must look like"),
        ("quiet =", 'while = "over"\nquiet =', "maths_lesson -1h: while: Input should be 'open', 'cancelled'"),
        ("quiet =", "while = []\nquiet =", "maths_lesson -1h: while: Value should have at least 1 item"),
        (
            "quiet =",
            'origin = "closing"\nquiet =',
            'maths_lesson -1h: `origin = "closing"` needs a `while` without "open"',
        ),
        (LESSON, LESSON + '[fill.maths]\nday = "date"', "fill.maths: there is no [kind.maths...]"),
        (LESSON, LESSON + '[fill.maths_lesson]\nday = "day"', "fill.maths_lesson.day: Input should be 'date', 'time'"),
        ('"skip"', '"quietly"', "maths_lesson -1h: quiet: Input should be 'earlier', 'later'"),
        ('"lesson_reminder"', '"Lesson reminder"', "maths_lesson -1h: template: String should match"),
        ('template = "lesson_reminder"', "", "maths_lesson -1h: template: Field required"),
        ("quiet =", "silent = 1\nquiet =", "maths_lesson -1h: silent: Extra inputs are not permitted"),
        ("quiet =", 'at = "10:00"\nquiet =', "maths_lesson -1h: `at` and an `offset` in days need each other"),
        ('"-1h"\ntem', '"-1d"\ntem', "maths_lesson -1h: `at` and an `offset` in days need each other"),
        ("quiet =", "at = 10:00:00\nquiet =", 'maths_lesson -1h: at: must look like "10:00", with quotes'),
        ("quiet =", 'at = "24:00"\nquiet =', "maths_lesson -1h: at: must look like"),
        ('"-3h"', '"-30m"', "maths_lesson -1h: `not_before` must not lie after `offset`"),
        ('"-10m"', '"-1h"', "maths_lesson -1h: `useful_until` must lie after `offset`"),
        ('maths_lesson."-1h"', '"maths lesson"."-1h"', "maths lesson [key]: String should match"),
        ('maths_lesson."-1h"', "maths_lesson", "maths_lesson offset: Input should be"),
        (LESSON, "[kind.maths_lesson]", "kind.maths_lesson: Dictionary should have at least 1 item"),
        (LESSON, "", "kind: Field required"),
        ("offset =", "offset", "cannot be read as TOML"),
        (LESSON, LESSON + LESSON, "cannot be read as TOML: Cannot declare ('kind', 'maths_lesson', '-1h') twice"),
    ],
)
def test_an_error_names_the_rule_and_the_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        load(tmp_path, LESSON.replace(old, new))
    assert str(raised.value).startswith("reminders.toml")
    assert message in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"^nowhere\.toml: cannot be read"):
        Rules.load(tmp_path / "nowhere.toml")


def test_the_digest_changes_with_the_rules_of_the_kind(tmp_path: Path) -> None:
    def digest(old: str, new: str) -> str:
        return load(tmp_path, LESSON.replace(old, new)).digest("maths_lesson")

    digests = [
        digest("", ""),
        digest("lesson_reminder", "other_reminder"),
        digest('"-3h"', '"-4h"'),
        digest('"skip"', '"later"'),
        digest('maths_lesson."-1h"', 'maths_lesson."soon"'),
        digest(LESSON, LESSON + LESSON.replace('."-1h"', '."second"')),
    ]
    assert len(set(digests)) == len(digests)
    assert {len(each) for each in digests} == {16}


def test_the_digest_does_not_change_with_notation_or_order_or_other_kinds(tmp_path: Path) -> None:
    second = LESSON.replace('."-1h"', '."second"')
    digests = {
        load(tmp_path, text).digest("maths_lesson")
        for text in (
            LESSON + second,
            second + LESSON,
            (LESSON + second).replace('offset = "-1h"', 'offset = "-60m" # an hour'),
            LESSON + second + FILE.read_text("utf-8"),
        )
    }
    assert len(digests) == 1


def test_a_plan_survives_json_and_is_validated_against_the_catalogue(tmp_path: Path) -> None:
    catalogue = Catalogue.load(FILE.parent / "templates.toml")
    lanes = {"default": Lane("default", "token", None, QuietHours(time(20), time(9), ZoneInfo("Asia/Kolkata")))}
    plan = ReminderPlan.from_lanes(SHIPPED, catalogue, lanes)
    plan.validate()
    assert ReminderPlan.from_json(plan.to_json(), catalogue) == plan
    assert "token" not in plan.to_json()
    with pytest.raises(Invalid, match="maths_lesson -1h: template: is not in the catalogue"):
        ReminderPlan.from_lanes(load(tmp_path, LESSON), catalogue, lanes).validate()
    known = LESSON.replace("lesson_reminder", "payment_reminder")
    for more, message in (
        ('set = { room = "4" }', "maths_lesson -1h: set: the template has no parameter room"),
        ('[fill.maths_lesson]\nroom = "date"', "fill maths_lesson room: no template of this kind has such a parameter"),
    ):
        with pytest.raises(Invalid, match=message):
            ReminderPlan.from_lanes(load(tmp_path, known + more), catalogue, lanes).validate()
    marketing = LESSON.replace("lesson_reminder", "cart_reminder")
    with pytest.raises(Invalid, match="maths_lesson -1h: template: is marketing; write opted_in = true"):
        ReminderPlan.from_lanes(load(tmp_path, marketing), catalogue, lanes).validate()
    ReminderPlan.from_lanes(load(tmp_path, marketing + "opted_in = true"), catalogue, lanes).validate()


def test_a_producer_of_the_first_release_reads_the_published_rules() -> None:
    """It refuses a rule with an offset after the occasion, and demands a parameter that no rule sets."""
    published = json.loads(ReminderPlan(SHIPPED, Catalogue.load(FILE.parent / "templates.toml"), {}).to_json())["rules"]
    assert published["kind"].keys() == {"appointment", "reservation", "payment", "delivery", "service_alert"}
    offsets = re.compile(r"(0|-[1-9]\d{0,3})[smhd]")
    for rules in published["kind"].values():
        for rule in rules.values():
            assert all(offsets.fullmatch(rule[name]) for name in ("offset", "not_before", "useful_until"))
    assert all(rule["set"].keys() == {"time_left"} for rule in published["kind"]["payment"].values())
    assert all(rule["set"] == {} for rule in published["kind"]["appointment"].values())


def test_the_digest_of_a_rule_of_the_first_release_is_the_same_in_both_releases(tmp_path: Path) -> None:
    """Otherwise old and new workers would derive all reminders again in turns, as long as both run."""
    (rule,) = load(tmp_path, LESSON).for_kind("maths_lesson").values()
    fields = ("offset", "template", "not_before", "useful_until", "quiet")
    first: dict[str, Any] = {name: str(getattr(rule, name)) for name in fields} | {"at": None, "set": {}}
    expected = sha256(json.dumps([{"-1h": first}], sort_keys=True).encode()).hexdigest()[:16]
    assert load(tmp_path, LESSON).digest("maths_lesson") == expected
