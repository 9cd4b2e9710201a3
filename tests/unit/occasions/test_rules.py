"""The reminders file: its shipped content, and errors that name rule and field."""

from __future__ import annotations

from datetime import time
from pathlib import Path
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
    """Chat Mitra docs, template gallery: the time of each reminder."""
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


@pytest.mark.parametrize(("written", "read"), [("-90s", "-90s"), ("-60s", "-1m"), ("-120m", "-2h")])
def test_an_offset_is_shown_in_its_largest_whole_unit(tmp_path: Path, written: str, read: str) -> None:
    text = LESSON.replace('offset = "-1h"', f'offset = "{written}"').replace('"-10m"', '"0h"')
    (rule,) = load(tmp_path, FILE.read_text("utf-8") + text).for_kind("maths_lesson").values()
    assert str(rule.offset) == read


def test_at_is_a_local_time() -> None:
    assert SHIPPED.for_kind("payment")["0d"].at == time(10, 0)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    known = "appointment, reservation, payment, delivery, service_alert"
    with pytest.raises(Invalid, match=rf"^kind: must be one of {known};"):
        SHIPPED.for_kind("birthday")
    with pytest.raises(Invalid, match=r"^kind: must be one of"):
        SHIPPED.digest("birthday")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"-1h"\ntem', '"-1w"\ntem', 'maths_lesson -1h: offset: must look like "-24h", "-30m", "-3d" or "0d"'),
        ('"-1h"\ntem', '"1h"\ntem', "maths_lesson -1h: offset: must look like"),
        ('"-1h"\ntem', '"-0h"\ntem', "maths_lesson -1h: offset: must look like"),
        ('"-1h"\ntem', "-1\ntem", "maths_lesson -1h: offset: must look like"),
        ('"-3h"', '"yesterday"', "maths_lesson -1h: not_before: must look like"),
        ('"-10m"', '"+10m"', "maths_lesson -1h: useful_until: must look like"),
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


def test_each_payment_reminder_sets_its_time_left() -> None:
    assert {name: rule.set for name, rule in SHIPPED.for_kind("payment").items()} == {
        "-3d": {"time_left": "3 days"},
        "-1d": {"time_left": "1 day"},
        "0d": {"time_left": "until midnight"},
    }


def test_a_plan_survives_json_and_is_validated_against_the_catalogue(tmp_path: Path) -> None:
    catalogue = Catalogue.load(FILE.parent / "templates.toml")
    lanes = {"default": Lane("default", "token", None, QuietHours(time(20), time(9), ZoneInfo("Asia/Kolkata")))}
    plan = ReminderPlan.from_lanes(SHIPPED, catalogue, lanes)
    plan.validate()
    assert ReminderPlan.from_json(plan.to_json(), catalogue) == plan
    assert "token" not in plan.to_json()
    with pytest.raises(Invalid, match="maths_lesson -1h: template: is not in the catalogue"):
        ReminderPlan.from_lanes(load(tmp_path, LESSON), catalogue, lanes).validate()
    known = LESSON.replace("lesson_reminder", "payment_reminder") + 'set = { room = "4" }'
    with pytest.raises(Invalid, match="maths_lesson -1h: set: the template has no parameter room"):
        ReminderPlan.from_lanes(load(tmp_path, known), catalogue, lanes).validate()
