"""Markup is found where WhatsApp would render it, and not in what only resembles it."""

from __future__ import annotations

import pytest

from harkara.errors import Invalid
from harkara.messages import Buttons, Envelope, Image, Template, Text, UrlSuffix
from harkara.messages.markup import find_markup
from harkara.messages.validation import as_handed_over
from tests.unit.cpu_time import quickest

ITALIC, STRIKE, CODE = "_…_", "~…~", "`…`"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("_really_", ITALIC),
        ("say _hello there_ now", ITALIC),
        ("(_x_), then", ITALIC),
        ("__bold__", ITALIC),
        ("the price is ~500~ 400", STRIKE),
        ("~~old~~ 500", STRIKE),
        ("~_both_~", ITALIC),
        ("_राम_ और", ITALIC),
        ("_₹500_ off", ITALIC),
        ("your code is `4711`", CODE),
        ("```\ntotal 500\n```", "```…```"),
        ("[Pay now](https://example.com/a_b)", "[…](…)"),
        ("![](x) [write](mailto:asha@example.com)", "[…](…)"),
        ("see https://example.com/_a_/b and _this_", ITALIC),
    ],
)
def test_a_pair_of_marks_around_words_is_markup(text: str, marks: str) -> None:
    assert find_markup(text) == marks


@pytest.mark.parametrize(
    "text",
    [
        "snake_case_name, a_b c_d, 5_000 _ 6_000, _id",
        "राजा_राम_सेवा",
        "~500 to ~600, about ~5",
        "the `90s and `80s, it`s",
        "``` alone",
        "see https://example.com/_a_/b or www.example.com/~asha~/",
        "asha_k_r@example.com, @_rahul_ on Instagram",
        "example.com/_a_/b",
        "Name: ____ Age: ____",
        "(____) and (____)",
        "^_^ well ^_^, >_< oh >_<, -_- so -_-, T_T, ¯\\_(ツ)_/¯",
        "_two\nlines_",
        "[1](2), [a] (b), f[0](x)",
        "_ x _",
        "# 12, 3rd Cross\n> 500 rupees: free\n- one\n1. two",
    ],
)
def test_what_only_resembles_markup_is_ordinary_text(text: str) -> None:
    assert find_markup(text) is None
    assert Text(text).body == text


@pytest.mark.parametrize(
    "text", [" _a" * 1365, "_" * 4096, "~_" * 2048, "`" * 4096, "[a" * 2048, "a@" * 2048, "_a_b" * 1024]
)
def test_a_hostile_text_is_checked_in_a_moment(text: str) -> None:
    assert quickest(lambda: find_markup(text), enough=0.5) < 0.5


def test_markup_is_refused_in_every_visible_text() -> None:
    complaint = r"has markup, which Chat Mitra forbids; remove the marks, this has _…_|this has _…_"
    for build in (
        lambda: Text("_hi_"),
        lambda: Image("https://example.com/a.jpg", caption="_hi_"),
        lambda: Buttons("_hi_", buttons=["Yes"]),
        lambda: Buttons("hi", buttons=["_Yes_"]),
        lambda: Template("order_ready", body=["_hi_"]),
        lambda: Template("order_ready", header="_hi_"),
    ):
        with pytest.raises(Invalid, match=complaint):
            build()


@pytest.mark.parametrize("link", ["upi://pay?pa=shop@upi", "UPI://PAY?pa=shop@upi", "Pay here:upi://pay"])
def test_a_payment_link_of_an_app_is_refused_in_a_parameter_but_not_in_a_text(link: str) -> None:
    complaint = "has a upi:// link, which Chat Mitra blocks; use the https:// link of your payment page"
    for build in (
        lambda: Template("order_ready", body=[link]),
        lambda: Template("order_ready", header=link),
        lambda: Envelope(to="919876543210", messages=[Template("x", body=["$pay"])], alt_texts={"$pay": link}),
    ):
        with pytest.raises(Invalid) as refused:
            build()
        assert refused.value.rule == complaint
    assert Text(link).body == link


def test_a_message_that_an_earlier_release_accepted_is_read_from_the_intake() -> None:
    """A new rule concerns senders alone: an entry that is refused later would be lost."""
    with as_handed_over():
        old = Envelope(to="919876543210", messages=[Text("_hi_"), Template("x", body=["upi://pay", "`x`"])])
    assert Envelope.from_json(old.to_json()) == old


def test_the_end_of_a_link_may_have_marks() -> None:
    """A token of a shop's own, such as _0_, stands within the link, where WhatsApp renders no markup."""
    assert UrlSuffix("_0_").text == "_0_"
    assert UrlSuffix("~asha~/`x`").text == "~asha~/`x`"
