"""Mentions of a person in a text: every spelling of a number that people write, and WhatsApp's message ids."""

from __future__ import annotations

from base64 import b64encode

import pytest

from harkara.people.mentions import SEPARATORS, Mentions
from harkara.people.pseudonym import pseudonym

INDIAN = Mentions.of(["919876543217", "IN.13491208655302741918"])
AMERICAN = Mentions.of(["12025550123"])


@pytest.mark.parametrize(
    "text",
    [
        "919876543217",
        "call +91 98765 43217!",
        "098765-43217",
        "(98765) 43217",
        '{"from":"919876543217"}',
        "wamid.HBgM" + b64encode(b"919876543217\x15\x02").decode(),
        "user IN.13491208655302741918 wrote",
    ],
)
def test_a_mention_is_found_by_the_database_and_replaced(text: str) -> None:
    assert INDIAN.in_text(text)
    plain = "".join(each for each in text if each not in SEPARATORS)
    assert any(needle in (plain if needle.isdigit() else text) for needle in INDIAN.needles)
    replaced = INDIAN.replace(text, "X")
    assert "X" in replaced
    assert not INDIAN.in_text(replaced)
    assert not set("0123456789") & set(replaced.replace("HBgM", "").partition("X")[0])


@pytest.mark.parametrize("text", ["919876543218", "987654321", "IN.134912086553027419180", "", "9 8 7"])
def test_another_number_is_no_mention(text: str) -> None:
    assert not INDIAN.in_text(text)


def test_an_id_is_found_whatever_follows_the_digits_in_it() -> None:
    for byte in range(0, 256, 7):
        assert AMERICAN.in_text("wamid.HBgL" + b64encode(b"12025550123" + bytes([byte, 2, 0])).decode())
    assert not AMERICAN.in_text("wamid.HBgL" + b64encode(b"12025550124\x15\x02\x00").decode())


def test_a_pseudonym_depends_on_the_key_and_on_each_digit() -> None:
    names = {pseudonym(key, name) for key in ("k" * 32, "q" * 32) for name in ("919876543217", "919876543218")}
    assert len(names) == 4
    assert all(name.startswith("erased:") for name in names)
