"""Customers' texts and buttons are interpreted by the vocabulary that Harkara ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.inbound.word_lists import normalize
from harkara.inbound.words import Cancel, Confirm, OptIn, OptOut, Reply, Reschedule, Words

FILE = Path(__file__).resolve().parents[3] / "config" / "words.toml"
SHIPPED = Words.load(FILE)
OUT = OptOut()


@pytest.mark.parametrize(
    ("text", "closed", "opened"),
    [
        ("STOP", OUT, OUT),
        ("Stop.", OUT, OUT),
        ("  *stop*!! 🛑 ", OUT, OUT),
        ("ＳＴＯＰ", OUT, OUT),
        ("stop\ufe0f", OUT, OUT),
        ("Don't message", OUT, OUT),
        ("dont message", OUT, OUT),
        ("opt-out", OUT, OUT),
        ("unsubscribe", OUT, OUT),
        ("बंद करो।", OUT, OUT),
        ("बंद\u200d करें", OUT, OUT),
        ("Band Karo", OUT, OUT),
        ("stop offers", OptOut("marketing"), OptOut("marketing")),
        ("START", OptIn(), OptIn()),
        ("शुरू करें", OptIn(), OptIn()),
        ("cancel", OUT, Cancel()),
        ("CANCEL my appointment", None, Cancel()),
        ("रद्द करें", None, Cancel()),
        ("can't come", None, Cancel()),
        ("Yes!", None, Confirm()),
        ("हाँ", None, Confirm()),
        ("हां जी 🙏", None, Confirm()),
        ("haan ji", None, Confirm()),
        ("👍🏽👍🏽", None, Confirm()),
        ("✅\ufe0f", None, Confirm()),
        ("Re-schedule", None, Reschedule()),
        ("समय बदलें", None, Reschedule()),
        ("no", None, None),
        ("please stop by at ten", None, None),
        ("do not cancel", None, None),
        ("yes but later", None, None),
        ("🙂", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_text_is_interpreted_without_and_with_an_open_reminder(
    text: str | None, closed: Reply | None, opened: Reply | None
) -> None:
    assert SHIPPED.interpret(text, None, reminder_open=False) == closed
    assert SHIPPED.interpret(text, None, reminder_open=True) == opened


@pytest.mark.parametrize(
    ("payload", "closed", "opened"),
    [
        ("CONFIRM", None, Confirm()),
        ("CANCEL", None, Cancel()),
        ("RESCHEDULE", None, Reschedule()),
        ("Stop promotions", OptOut("marketing"), OptOut("marketing")),
        ("STOP", OUT, OUT),
        ("menu_3", None, None),
    ],
)
def test_a_button_is_interpreted_by_its_id_and_one_of_an_old_reminder_is_no_opt_out(
    payload: str, closed: Reply | None, opened: Reply | None
) -> None:
    assert SHIPPED.interpret("Stop", payload, reminder_open=False) == closed
    assert SHIPPED.interpret("Stop", payload, reminder_open=True) == opened


def test_the_payloads_of_the_shipped_templates_are_answers() -> None:
    templates = (FILE.parent / "templates.toml").read_text("utf-8")
    payloads = {part.split('"')[1] for part in templates.split("payload = ")[1:]}
    assert payloads
    assert None not in {SHIPPED.interpret(None, payload, reminder_open=True) for payload in payloads}


@given(st.text(), st.none() | st.text(), st.booleans())
def test_any_text_is_interpreted_regardless_of_case_and_punctuation(
    text: str, payload: str | None, reminder: bool
) -> None:
    assert SHIPPED.interpret(text, payload, reminder_open=reminder) == SHIPPED.interpret(
        f" «{text}» ", payload and f" {payload} ", reminder_open=reminder
    )


@given(st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


@pytest.mark.parametrize(
    ("old", "new", "place", "rule"),
    [
        ("confirm = [", 'confirm = ["CANCEL!", ', "reminder", '"cancel" has two meanings'),
        ('"start", "unstop"', '"Stop", "unstop"', "the file", '"stop" has two meanings'),
        ('"stop", "stop all"', '"?!", "stop all"', "opt-out.everything.0", "must have a word"),
        ("reschedule = [", "later = []\nreschedule = [", "reminder.later", "not permitted"),
        ("\n[opt-in]", "\n[opt-in", "words.toml", "cannot be read as TOML"),
    ],
)
def test_a_fault_in_the_file_is_reported_with_its_place(
    tmp_path: Path, old: str, new: str, place: str, rule: str
) -> None:
    path = tmp_path / "words.toml"
    path.write_text(FILE.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(Invalid) as refusal:
        Words.load(path)
    assert rule in refusal.value.rule
    assert place in refusal.value.field


def test_a_file_without_opt_out_words_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text("[opt-out]\neverything = []\n", "utf-8")
    with pytest.raises(Invalid, match="everything"):
        Words.load(path)
