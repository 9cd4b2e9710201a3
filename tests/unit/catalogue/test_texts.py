"""The approved text of a kind: what the customer reads, how many parameters it has, and how long it may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara import Catalogue, Invalid, Template
from harkara.catalogue.approved_text import TOO_LONG, WRONG_NUMBER, ApprovedText
from harkara.messages.validation import as_handed_over
from harkara.occasions import ReminderPlan, Rules
from tests.unit.catalogue.templates import CATALOGUE, CODE, EXAMPLE, FILE, error, message, values

RULES = Rules.load(FILE.with_name("reminders.toml"))


def load(folder: Path, text: str) -> Catalogue:
    local = folder / "local.toml"
    local.write_text(text)
    return Catalogue.load(FILE, local)


# What the customer reads


def test_a_message_is_shown_as_the_customer_reads_it() -> None:
    order = values("order_confirmation") | {"order": "1042", "customer": "Asha", "delivery_date": "Friday"}
    shown = CATALOGUE.preview(message("order_confirmation", order))
    assert shown is not None
    assert shown.header == "✅ Order 1042 Confirmed"
    assert shown.body.startswith("Hi Asha, thank you for shopping with us! Your order for product (Color: variant)")
    assert "Estimated delivery to destination: Friday." in shown.body
    assert shown.footer == "Questions? Reply to chat with our support team"
    assert (shown.problem, shown.code) == (None, None)


def test_the_lines_end_with_the_buttons() -> None:
    shown = CATALOGUE.preview(message("appointment_reminder_2h", values("appointment_reminder_2h")))
    assert shown is not None
    lines = list(shown.lines())
    assert (lines[0], lines[-1]) == ("⏰ Appointment in 2 Hours", "[Confirm] [Reschedule]")


@pytest.mark.parametrize("kind", CATALOGUE.kinds())
def test_every_shipped_kind_has_a_text_without_a_gap(kind: str) -> None:
    shown = CATALOGUE.preview(message(kind, values(kind)))
    assert shown is not None
    assert shown.problem is None
    assert "{{" not in "".join(shown.lines())
    outline = CATALOGUE.find(kind).outline()
    assert outline is not None
    assert all(f"{{{name}}}" in outline.body for name in CATALOGUE.find(kind).body)


def test_another_region_of_the_language_has_the_same_text_and_another_language_has_none() -> None:
    assert CATALOGUE.preview(CATALOGUE.message("otp_verification", CODE, language="en_US"))
    assert CATALOGUE.preview(CATALOGUE.message("otp_verification", CODE, language="hi")) is None
    assert CATALOGUE.preview(Template("not_in_the_catalogue", body=["Asha"])) is None


def test_a_value_that_looks_like_a_placeholder_is_filled_once() -> None:
    text = ApprovedText(body="{{1}} and {{2}}.")
    assert text.fill(None, ["{{2}}", "b"]).body == "{{2}} and b."


# Number and length


@pytest.mark.parametrize("body", [["482913"], ["482913", "5", "the login", "more"]])
def test_another_number_of_values_is_a_problem_with_the_code_of_whatsapp(body: list[str]) -> None:
    shown = CATALOGUE.preview(Template("otp_verification", body=body))
    assert shown is not None
    assert shown.code == WRONG_NUMBER
    assert str(shown.problem).startswith("body: the approved text has 3 placeholders")
    assert ("{{2}}" in shown.body) == (len(body) == 1)


def test_a_missing_or_needless_header_is_a_problem() -> None:
    for header, kind in ((None, "order_confirmation"), ("1042", "payment_confirmation")):
        body = [*message(kind, values(kind)).body]
        shown = CATALOGUE.preview(Template(kind, header=header, body=body))
        assert shown is not None
        assert (shown.code, shown.problem and shown.problem.field) == (WRONG_NUMBER, "header")


def test_a_text_that_is_too_long_once_filled_is_refused_with_both_lengths() -> None:
    fixed = len(message_text("otp_verification")) - len("the login")
    longest = "x" * (1_024 - fixed)
    assert len(message_text("otp_verification", purpose=longest)) == 1_024
    assert error("otp_verification", CODE | {"purpose": longest + "x"}) == (
        "otp_verification.body: at most 1,024 characters once the values are filled in; shorten the values "
        "(this has 1,025)"
    )
    assert error("order_confirmation", values("order_confirmation") | {"order": "1" * 60}) == (
        "order_confirmation.header: at most 60 characters once the values are filled in; shorten the values "
        "(this has 78)"
    )
    shown = CATALOGUE.preview(Template("otp_verification", body=["482913", "5", longest + "x"]))
    assert shown is not None
    assert shown.code == TOO_LONG


@given(
    st.lists(st.integers(0, 700), max_size=4),
    st.integers(0, 45) | st.none(),
    st.sampled_from(["{{1}} {{2}}.", "{{2}} and {{1}}, {{2}}.", "Fixed.", "{{1}}"]),
    st.sampled_from([None, "Order {{1}}", "Order"]),
)
def test_a_text_fits_exactly_if_its_preview_has_no_problem(
    lengths: list[int], header: int | None, body: str, own_header: str | None
) -> None:
    text = ApprovedText(header=own_header, body=body)
    values = ["x" * length for length in lengths]
    given_header = None if header is None else "x" * header
    assert text.fits(given_header, values) == (text.fill(given_header, values).problem is None)


def test_a_message_that_was_handed_over_is_built_whatever_its_length() -> None:
    with as_handed_over():
        assert CATALOGUE.message("otp_verification", CODE | {"purpose": "x" * 1_024}).body[2] == "x" * 1_024


def test_the_length_is_unknown_without_the_text_of_the_language() -> None:
    assert CATALOGUE.message("otp_verification", CODE | {"purpose": "x" * 1_024}, language="hi")


# A deployment's own text


def test_a_deployment_copies_its_text_from_the_dashboard(tmp_path: Path) -> None:
    own = load(
        tmp_path,
        '[kind.otp_verification]\nname = "otp_2025"\nbody = ["code", "minutes"]\n'
        '[kind.otp_verification.text]\nbody = "Code {{1}}, for {{2}} minutes."\nbuttons = ["Copy"]',
    )
    shown = own.preview(own.message("otp_verification", {"code": "482913", "minutes": "5"}))
    assert shown is not None
    assert list(shown.lines()) == ["Code 482913, for 5 minutes.", "[Copy]"]


def test_another_name_or_region_keeps_the_text() -> None:
    own = Catalogue.load(FILE, EXAMPLE)
    order = own.find("order_confirmation")
    assert (order.name, order.text) == ("order_confirmation_20250101120000", CATALOGUE.find("order_confirmation").text)
    assert own.find("login_alert").text != CATALOGUE.find("login_alert").text


@pytest.mark.parametrize(
    "changed",
    [
        'body = ["doctor", "date"]',
        "buttons = []",
        'language = "hi"',
        'header = { type = "image", parameter = "picture" }',
    ],
)
def test_the_text_of_another_template_is_not_shown_and_stops_no_deployment(tmp_path: Path, changed: str) -> None:
    own = load(
        tmp_path,
        f'[kind.appointment_reminder]\n{changed}\n[kind.dentist]\nlike = "appointment_reminder"\nbody = ["doctor"]',
    )
    for name in ("appointment_reminder", "appointment_reminder_2h", "dentist"):
        assert own.find(name).text is None
        assert own.find(name).outline() is None
    assert Catalogue.from_json(own.to_json()) == own


def test_a_kind_inherits_the_text_with_the_same_parameters(tmp_path: Path) -> None:
    own = load(tmp_path, '[kind.dentist]\nlike = "appointment_reminder"\nwhen = "Before."')
    assert own.find("dentist").text == CATALOGUE.find("appointment_reminder").text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('body = "Hi {{1}}."', "text.body has 1 placeholders, but `body` names 3 parameters: copy the approved text"),
        ('body = "{{1}} {{2}} {{4}}"', "without a gap and from {{1}}"),
        ('body = "{{1}} {{2}} {{name}}"', "the placeholders of a text are {{1}}, {{2}} and so on"),
        ('body = "{{1}} {{2}} {{3}}"', "text.buttons has 0 labels, but `buttons` names the index 0"),
        ('body = "{{1}} {{2}} {{3}}"\nheader = "Code"\nbuttons = ["Copy"]', "and no other header has"),
        ('body = "{{1}} {{2}} {{3}}"\nfooter = "{{1}}"\nbuttons = ["Copy"]', "a footer has no placeholders"),
        (f'body = "{"x" * 1_025}"', "has 1 to 1,024 characters, and this has 1,025; copy the approved text"),
        (f'body = "a"\nheader = "{"x" * 61}"', "has 1 to 60 characters, and this has 61"),
        (f'body = "a"\nfooter = "{"x" * 61}"', "has 1 to 60 characters, and this has 61"),
        (f'body = "a"\nbuttons = ["{"x" * 26}"]', "has 1 to 25 characters, and this has 26"),
        ('header = "a"', "required"),
        ('body = "a"\nfoot = "b"', "not permitted"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_with_file_kind_and_next_step(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(Invalid) as caught:
        load(tmp_path, f"[kind.otp_verification.text]\n{text}")
    assert "local.toml, kind otp_verification" in caught.value.field
    assert rule in str(caught.value)


def test_a_text_header_has_its_text(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"kind account_update: a header of type text has its text in text\.header"):
        load(tmp_path, '[kind.account_update.text]\nbody = "{{1}} {{2}} {{3}} {{4}} {{5}}"')


# Other releases


def test_a_catalogue_without_texts_is_read_and_one_with_texts_by_an_older_client() -> None:
    without = json.loads(CATALOGUE.to_json())
    for kind in without["kind"].values():
        del kind["text"]
    older = Catalogue.from_json(json.dumps(without))
    assert older.message("otp_verification", CODE) == CATALOGUE.message("otp_verification", CODE)
    assert older.preview(older.message("otp_verification", CODE)) is None
    assert Catalogue.from_json(older.to_json()) == older
    newer = CATALOGUE.to_json().replace('"text":', '"text_of_a_later_release":')
    assert Catalogue.from_json(newer) == older, "a release without texts leaves the field out"


def test_texts_change_no_reminder_of_an_open_occasion() -> None:
    without = json.loads(CATALOGUE.to_json())
    for kind in without["kind"].values():
        del kind["text"]
    with_texts, as_before = (
        ReminderPlan(RULES, each, {}) for each in (CATALOGUE, Catalogue.from_json(json.dumps(without)))
    )
    for kind in RULES.kind:
        assert with_texts.digest(kind, "default") == as_before.digest(kind, "default")


def message_text(kind: str, **changed: str) -> str:
    shown = CATALOGUE.preview(message(kind, CODE | changed))
    assert shown is not None
    return shown.body
