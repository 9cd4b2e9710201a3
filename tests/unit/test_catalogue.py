"""The catalogue: every kind is filled by name, and what does not fit is refused with the kind and the parameter."""

from __future__ import annotations

import inspect
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara import Catalogue, Client, CopyCode, Document, Envelope, Image, Invalid, Template, UrlSuffix, Video
from harkara.catalogue import OPTIONS

FILE = Path(__file__).parents[2] / "config" / "templates.toml"
EXAMPLE = FILE.with_name("templates.local.example.toml")
CATALOGUE = Catalogue.load(FILE)

PICTURE = "https://example.com/a.jpg"
CODE = {"code": "482913", "minutes": "5", "purpose": "the login"}
PIN = {
    "customer": "Asha",
    "card": "4242",
    "requested_at": "24 November, 10:30",
    "channel": "the app",
    "location": "Pune",
    "valid_for": "5 minutes",
    "url_suffix": "t0k3n",
}


def values(kind: str) -> dict[str, str]:
    """A value for each parameter, by which one sees where it went."""
    special = {"image": PICTURE, "code": "482913", "card": "•••• 4242"}
    return {name: special.get(name, name) for name in CATALOGUE.find(kind).parameters}


def message(kind: str, parameters: Any, catalogue: Catalogue = CATALOGUE) -> Template:
    return catalogue.message(kind, parameters, opted_in=True)


def refusal(kind: str, parameters: Any, **options: Any) -> str:
    with pytest.raises(Invalid) as caught:
        CATALOGUE.message(kind, parameters, **options)
    return str(caught.value)


# The file


def test_the_file_has_the_25_kinds_of_the_documentation_and_reminders_for_their_other_lead_times() -> None:
    own = [kind for kind in CATALOGUE.kind.values() if kind.like is None]
    assert Counter(kind.category for kind in own) == {"marketing": 1, "utility": 12, "authentication": 12}
    others = {name: kind.like for name, kind in CATALOGUE.kind.items() if kind.like}
    assert others == {
        "appointment_reminder_2h": "appointment_reminder",
        "reservation_reminder_2h": "reservation_reminder",
    }


@pytest.mark.parametrize("kind", CATALOGUE.kinds())
def test_every_kind_is_filled_by_its_own_names_alone(kind: str) -> None:
    built = message(kind, values(kind))
    found = CATALOGUE.find(kind)
    assert (built.name, built.language, built.category) == (kind, "en", found.category)
    assert len(built.body) == len(found.body)
    assert [button.index for button in built.buttons] == [button.index for button in found.buttons]
    assert (built.header is None) == (found.header.parameter is None)


@pytest.mark.parametrize("kind", CATALOGUE.kinds())
def test_every_sentence_is_one_that_ends(kind: str) -> None:
    when = CATALOGUE.find(kind).when
    assert when[0].isupper() or when[0].isdigit()
    assert when.endswith(".")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("order_confirmation", ["customer", "product", "variant", "total", "delivery_date", "destination"]),
        ("payment_confirmation", ["customer", "transaction", "amount", "date", "payment_method", "invoice"]),
        ("email_verification", ["customer", "email", "482913", "valid_for", "purpose", "requested_at"]),
        ("phone_verification", ["customer", "mobile", "482913", "valid_for", "purpose", "company"]),
    ],
)
def test_values_go_by_index_also_where_the_text_uses_them_out_of_order(kind: str, body: list[str]) -> None:
    assert list(message(kind, values(kind)).body) == body


@given(st.data())
def test_the_order_in_which_values_are_given_changes_nothing(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(CATALOGUE.kinds()))
    shuffled = dict(data.draw(st.permutations(list(values(kind).items()))))
    assert message(kind, shuffled) == message(kind, values(kind))


def test_no_parameter_has_the_name_of_an_option() -> None:
    named = inspect.signature(Client.send_template).parameters.keys() - {"parameters"}
    assert named == OPTIONS | {"self", "kind", "to"}


# Filling


def test_a_one_time_code_goes_into_the_body_and_onto_the_button_which_is_a_link() -> None:
    otp = message("otp_verification", CODE)
    body = ["482913", "5", "the login"]
    copy = [CopyCode("482913")]
    assert otp == Template("otp_verification", body=body, buttons=copy, category="authentication")
    assert otp.buttons == (UrlSuffix("482913", index=0),)


def test_the_order_stands_in_the_header_which_counts_its_own_parameters() -> None:
    order = message("order_confirmation", values("order_confirmation") | {"order": "1042"})
    assert order.header == "1042"
    assert order.body[0] == "customer"


@pytest.mark.parametrize("picture", [PICTURE, Image(PICTURE)])
def test_a_picture_is_given_by_its_link_or_as_an_image(picture: Any) -> None:
    broadcast = message("promotional_broadcast", values("promotional_broadcast") | {"image": picture})
    assert broadcast.header == Image(PICTURE)


def test_a_language_of_the_call_goes_before_that_of_the_kind() -> None:
    assert CATALOGUE.message("otp_verification", CODE, language="hi").language == "hi"


@pytest.mark.parametrize(
    ("kind", "parameters", "complaint"),
    [
        (
            "otp_verification",
            {"code": "482913", "minutes": "5"},
            "otp_verification.purpose: is missing; this kind wants code, minutes, purpose",
        ),
        (
            "otp_verification",
            CODE | {"porpoise": "the login"},
            "otp_verification.porpoise: is no parameter here; this kind wants code, minutes, purpose",
        ),
        ("otp_verification", CODE | {"code": "12"}, "otp_verification.code: 4 to 8 digits (this has 2 characters)"),
        ("otp_verification", CODE | {"code": 482913}, "otp_verification.code: must be text (this is of type int)"),
        ("otp_verification", CODE | {"minutes": 5}, "otp_verification.minutes: must be text (this is of type int)"),
        ("otp_verification", CODE | {"purpose": " "}, "otp_verification.purpose: must not be blank"),
        ("pin_reset", PIN | {"url_suffix": "a b"}, "pin_reset.url_suffix: no spaces and no # in the end of a link"),
        (
            "promotional_broadcast",
            values("promotional_broadcast") | {"image": Video("https://example.com/a.mp4")},
            "promotional_broadcast.image: must be of type Image, or a link to one (this is of type Video)",
        ),
        (
            "promotional_broadcast",
            values("promotional_broadcast") | {"image": "http://example.com/a.jpg"},
            "promotional_broadcast.image: must begin with https://",
        ),
        (
            "promotional_broadcast",
            values("promotional_broadcast") | {"image": Image(PICTURE, caption="New")},
            "promotional_broadcast.image: a header has no caption; move it to the body",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_kind_and_parameter(
    kind: str, parameters: dict[str, Any], complaint: str
) -> None:
    assert refusal(kind, parameters, opted_in=True) == complaint


def test_an_unknown_kind_is_refused_with_the_ones_that_may_be_meant() -> None:
    complaint = refusal("appointment_remainder", {})
    assert "near to it are appointment_reminder, appointment_reminder_2h" in complaint
    assert "`harkara templates`" in complaint


@given(st.from_regex(r"\A[0-9 ]{5,19}\Z").filter(lambda card: sum(map(str.isdigit, card)) > 4))
def test_a_card_number_is_never_shown_in_full(card: str) -> None:
    assert refusal("pin_reset", PIN | {"card": card}).startswith("pin_reset.card: at most the last four digits")


def test_the_end_of_a_card_number_may_be_masked_but_not_with_what_chat_mitra_refuses() -> None:
    for card in ("4242", "•••• 4242", "XXXX-4242"):
        assert message("pin_reset", PIN | {"card": card}).body[1] == card
    assert "no asterisk" in refusal("pin_reset", PIN | {"card": "**** 4242"})


def test_marketing_goes_only_to_people_who_agreed_to_it() -> None:
    parameters = values("promotional_broadcast")
    assert "only for people who agreed to it" in refusal("promotional_broadcast", parameters)
    assert CATALOGUE.message("promotional_broadcast", parameters, opted_in=True).category == "marketing"


# Deadlines


def test_a_message_is_worth_sending_as_long_as_its_kind_says_counted_from_its_time() -> None:
    kind = CATALOGUE.find("pin_reset")
    at = datetime(2030, 1, 1, tzinfo=UTC)
    later = Envelope(to="919876543210", messages=[message("pin_reset", PIN)], at=at)
    assert kind.in_time(later).expires == at + timedelta(minutes=5)
    before = datetime.now(UTC)
    now = kind.in_time(Envelope(to="919876543210", messages=[message("pin_reset", PIN)])).expires
    assert now is not None
    assert before + timedelta(minutes=5) <= now <= datetime.now(UTC) + timedelta(minutes=5)


def test_a_deadline_of_its_own_stays_and_a_kind_without_one_gives_none() -> None:
    own = datetime(2030, 1, 1, tzinfo=UTC)
    envelope = Envelope(to="919876543210", messages=[message("pin_reset", PIN)], expires=own)
    assert CATALOGUE.find("pin_reset").in_time(envelope).expires == own
    without = Envelope(to="919876543210", messages=[message("pin_reset", PIN)])
    assert CATALOGUE.find("order_confirmation").in_time(without).expires is None


# A deployment's own


def test_the_example_of_a_deployments_own_file_goes_over_the_catalogue_field_by_field() -> None:
    own = Catalogue.load(FILE, EXAMPLE)
    assert own.kinds() == (*CATALOGUE.kinds(), "feedback_request")
    order = message("order_confirmation", values("order_confirmation"), own)
    assert (order.name, order.language) == ("order_confirmation_20250101120000", "en_US")
    assert order.body == message("order_confirmation", values("order_confirmation")).body
    assert own.find("login_alert").buttons == ()
    assert message("otp_verification", CODE | {"code": "A1B2C3"}, own).body[0] == "A1B2C3"
    receipt = values("transaction_receipt") | {"receipt": Document("https://example.com/r.pdf", filename="Receipt.pdf")}
    assert isinstance(message("transaction_receipt", receipt, own).header, Document)


def test_a_kind_that_is_like_another_follows_what_a_deployment_says_of_that_one(tmp_path: Path) -> None:
    local = tmp_path / "local.toml"
    local.write_text('[kind.appointment_reminder]\nname = "visit_20250101120000"\nlanguage = "hi"\nbuttons = []')
    later = Catalogue.load(FILE, local).find("appointment_reminder_2h")
    assert (later.name, later.language, later.buttons) == ("appointment_reminder_2h", "hi", ())
    assert later.says != CATALOGUE.find("appointment_reminder").says


def test_a_catalogue_survives_the_way_through_json_and_what_a_later_release_adds_is_left_out() -> None:
    for catalogue in (CATALOGUE, Catalogue.load(FILE, EXAMPLE)):
        assert Catalogue.from_json(catalogue.to_json()) == catalogue
    newer = CATALOGUE.to_json().replace('"when":', '"mood":"glad","when":')
    assert newer != CATALOGUE.to_json()
    assert Catalogue.from_json(newer) == CATALOGUE
    with pytest.raises(Invalid, match="catalogue"):
        Catalogue.from_json("[")


@pytest.mark.parametrize(
    ("text", "named", "rule"),
    [
        ('[kind.own]\ncategory = "news"\nwhen = "Always."', "kind own: category", "'authentication'"),
        ('[kind.own]\nwhen = "Always."', "kind own: category", "required"),
        ('[kind.pin_reset]\nboddy = ["customer"]', "kind pin_reset: boddy", "not permitted"),
        ('[kind.pin_reset]\nbody = ["expires"]', "kind pin_reset: body.0", "called expires"),
        ('[kind.pin_reset]\nbody = ["class"]', "kind pin_reset: body.0", "called class"),
        ('[kind.pin_reset]\nbody = ["card", "card"]', "kind pin_reset", "twice"),
        ('[kind.pin_reset]\nname = "PIN reset"', "kind pin_reset: name", "a-z, 0-9 and _"),
        ('[kind.pin_reset]\nlanguage = "en-US"', "kind pin_reset: language", "en_US"),
        ('[kind.pin_reset]\nheader = { type = "image" }', "kind pin_reset: header", "brings the link"),
        ('[kind.pin_reset]\nheader = { parameter = "order" }', "kind pin_reset: header", "needs its type"),
        ('[kind.pin_reset]\nbuttons = [{ type = "url", index = 0 }]', "kind pin_reset: buttons.0", "either"),
        (
            '[kind.pin_reset]\nbuttons = [{ type = "url", index = 0, payload = "a" }]',
            "kind pin_reset: buttons.0",
            "only a quick_reply",
        ),
        (
            '[kind.device_authorization]\nbuttons = [{ type = "url", index = 1, parameter = "a" }, '
            '{ type = "url", index = 1, parameter = "b" }]',
            "kind device_authorization",
            "same index",
        ),
        ('[kind.own]\nlike = "pin_rest"', "kind own: like", "pin_rest is no kind"),
        ('[kind.own]\nlike = "appointment_reminder_2h"', "kind own: like", "stands for itself"),
        ("[kind]\nown = 1", "kind own", "dictionary"),
        ("kind = 1", "kind", "dictionary"),
        ("[parameter.code]\npattern = '['", "parameter code: pattern", "regular expression"),
        ("[parameters.code]\npattern = '['", "parameters", "not permitted"),
        ("[kind.own", "cannot be read as TOML", "end of a table"),
    ],
)
def test_a_mistake_in_a_file_is_named_by_its_kind_and_field(tmp_path: Path, text: str, named: str, rule: str) -> None:
    local = tmp_path / "local.toml"
    local.write_text(text)
    with pytest.raises(Invalid) as caught:
        Catalogue.load(FILE, local)
    assert "local.toml" in caught.value.field
    assert named in str(caught.value)
    assert rule in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"local\.toml: cannot be read"):
        Catalogue.load(FILE, tmp_path / "local.toml")


# Requests to Chat Mitra, in which a template is no more than its approved name


@pytest.mark.parametrize(
    ("names", "category", "priority"),
    [
        (["otp_verification"], "authentication", 0),
        (["promotional_broadcast"], "marketing", 3),
        (["order_confirmation", "otp_verification"], "authentication", 0),
        (["somebody_elses"], "utility", 2),
    ],
)
def test_a_request_has_the_category_of_the_kinds_whose_approved_names_it_holds(
    names: list[str], category: str, priority: int
) -> None:
    envelope = CATALOGUE.envelope(request(*names))
    assert (envelope.category, envelope.priority) == (category, priority)
    assert envelope.body() == request(*names), "it goes on as it came"


def test_a_caller_who_names_the_category_knows_better() -> None:
    assert CATALOGUE.envelope(request("otp_verification"), category="utility", priority=1).category == "utility"


def request(*names: str) -> dict[str, Any]:
    items = [{"kind": "template", "template": Template(name, body=["482913"]).wire()["template"]} for name in names]
    return {"recipient_mobile_number": "919876500001", "messages": items}
