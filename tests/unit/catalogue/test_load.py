"""A deployment overrides the catalogue in a file of its own; an error names the file, the kind and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara import Catalogue, Document, Invalid
from tests.unit.catalogue.templates import CATALOGUE, CODE, EXAMPLE, FILE, message, values


def test_the_example_file_overrides_single_fields() -> None:
    own = Catalogue.load(FILE, EXAMPLE)
    assert own.kinds() == (*CATALOGUE.kinds(), "feedback_request")
    order = message("order_confirmation", values("order_confirmation"), own)
    assert (order.name, order.language) == ("order_confirmation_20250101120000", "en_US")
    assert order.body == message("order_confirmation", values("order_confirmation")).body
    assert own.find("login_alert").buttons == ()
    assert message("otp_verification", CODE | {"code": "A1B2C3"}, own).body[0] == "A1B2C3"
    receipt = values("transaction_receipt") | {"receipt": Document("https://example.com/r.pdf", filename="Receipt.pdf")}
    assert isinstance(message("transaction_receipt", receipt, own).header, Document)


def test_a_kind_inherits_what_a_deployment_overrides(tmp_path: Path) -> None:
    local = tmp_path / "local.toml"
    local.write_text('[kind.appointment_reminder]\nname = "visit_20250101120000"\nlanguage = "hi"\nbuttons = []')
    later = Catalogue.load(FILE, local).find("appointment_reminder_2h")
    assert (later.name, later.language, later.buttons) == ("appointment_reminder_2h", "hi", ())
    assert later.says != CATALOGUE.find("appointment_reminder").says


def test_json_restores_the_catalogue_without_fields_of_a_later_release() -> None:
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
        ('[kind.pin_reset]\nbody = ["expires"]', "kind pin_reset: body.0", "expires cannot be"),
        ('[kind.pin_reset]\nbody = ["class"]', "kind pin_reset: body.0", "class cannot be"),
        ('[kind.pin_reset]\nbody = ["card", "card"]', "kind pin_reset", "twice"),
        ('[kind.pin_reset]\nname = "PIN reset"', "kind pin_reset: name", "a-z, 0-9 and _"),
        ('[kind.pin_reset]\nlanguage = "en-US"', "kind pin_reset: language", "en_US"),
        ('[kind.pin_reset]\nheader = { type = "image" }', "kind pin_reset: header", "contains its link"),
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
        ('[kind.own]\nlike = "pin_rest"', "kind own: like", "pin_rest is not a kind"),
        ('[kind.own]\nlike = "appointment_reminder_2h"', "kind own: like", "without `like`"),
        ("[kind]\nown = 1", "kind own", "dictionary"),
        ("kind = 1", "kind", "dictionary"),
        ("[parameter.code]\npattern = '['", "parameter code: pattern", "regular expression"),
        ("[parameters.code]\npattern = '['", "parameters", "not permitted"),
        ("[kind.own", "cannot be read as TOML", "end of a table"),
    ],
)
def test_an_error_in_a_file_names_the_kind_and_the_field(tmp_path: Path, text: str, named: str, rule: str) -> None:
    local = tmp_path / "local.toml"
    local.write_text(text)
    with pytest.raises(Invalid) as caught:
        Catalogue.load(FILE, local)
    assert "local.toml" in caught.value.field
    assert named in str(caught.value)
    assert rule in str(caught.value)


def test_the_error_for_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"local\.toml: cannot be read"):
        Catalogue.load(FILE, tmp_path / "local.toml")
