"""An answer is sent only if its figures stand in what it cites, and if it is a message that WhatsApp shows well."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.assistant.check import Safe, Unsafe, check_answer
from harkara.assistant.figures import find_figures
from harkara.assistant.message_form import LONGEST, split_messages
from harkara.assistant.privacy import redact

SHIRT = "The blue shirt costs ₹1,499."
HOURS = "We are open Monday to Saturday, 10:00 to 19:00. On Sundays we are closed."
RETURN = "Returns are free within 7 days. Write to help@asha.example or call 080 4567 8900."
SALE = "20% off until 12 Jan 2026 with the code SAVE20: https://asha.example/Sale"
HINDI = "परामर्श की फीस ₹500 है। शाम 5 बजे तक खुला है।"
LOOKUP = (
    '{"order": "ORD-1042", "status": "shipped", "amount": 1499, "due": "2026-01-13T17:30:00+05:30", "discount": 15}'
)

GROUNDED = (
    ("The price is Rs 1499.", SHIRT),
    ("It costs 1499 rupees", SHIRT),
    ("It costs Rs. 1,499/- only", SHIRT),
    ("It is 1,499.00 INR", SHIRT),
    ("Iska daam 1499 rupaye hai", SHIRT),
    ("इसकी कीमत १४९९ रुपये है", SHIRT),
    ("कीमत ₹१,४९९ है", SHIRT),
    ("We are open from 10 AM to 7 PM", HOURS),
    ("Open 10am-7pm, Monday to Saturday", HOURS),
    ("Hum subah 10 baje se sham 7 baje tak khule hain", HOURS),
    ("हम सोमवार से शनिवार सुबह 10 बजे से शाम 7 बजे तक खुले हैं", HOURS),
    ("We close at 19:00", HOURS),
    ("Sunday is closed", HOURS),
    ("Ravivar ko band hai", HOURS),
    ("You have seven days to return it", RETURN),
    ("Return it within 7 din", RETURN),
    ("7 दिन में लौटाएँ", RETURN),
    ("Returning is free", RETURN),
    ("Write to HELP@asha.example", RETURN),
    ("Call 08045678900", RETURN),
    ("Call +91 80 4567 8900", RETURN),
    ("Get 20 percent off", SALE),
    ("Get twenty percent off", SALE),
    ("20 प्रतिशत की छूट", SALE),
    ("Until 12/01", SALE),
    ("Until 12/01/2026", SALE),
    ("Until January 12", SALE),
    ("Until 12th of January, 2026", SALE),
    ("Until 2026-01-12", SALE),
    ("१२ जनवरी तक", SALE),
    ("See https://asha.example/Sale.", SALE),
    ("Use SAVE20", SALE),
    ("The fee is five hundred rupees", HINDI),
    ("Fees paanch sau rupaye hai", HINDI),
    ("Open till 5 PM", HINDI),
    ("Open till 17:00", HINDI),
    ("Order ORD-1042 is shipped", LOOKUP),
    ("You paid ₹1,499", LOOKUP),
    ("It arrives on 13 January at 5:30 PM", LOOKUP),
    ("You got 15% off", LOOKUP),
    ("I have 2 lakh reasons... no", "2 lakh"),
    ("₹2 lakh", "The loan is ₹2,00,000"),
    ("₹1.5k", "It costs 1500 rs"),
    ("We deliver in three to five days", "within 3 to 5 days"),
    ("1. Open the app\n2. Tap Pay", SHIRT),
    ("Feel free to ask!", SHIRT),
    ("One moment please", SHIRT),
    ("Hello, how can I help?", ""),
)

INVENTED = (
    ("The price is ₹499.", SHIRT, "price 499"),
    ("Only 999 rupees", SHIRT, "price 999"),
    ("कीमत ₹९९९ है", SHIRT, "price 999"),
    ("The shirt is free", SHIRT, "price 0"),
    ("यह मुफ़्त है", SHIRT, "price 0"),
    ("It costs $1499", SHIRT, "price 1499"),
    ("₹1 lakh", SHIRT, "price 100000"),
    ("five hundred rupees", SHIRT, "price 500"),
    ("We are open until 8 PM", HOURS, "time 8:00"),
    ("Open from 10 PM", HOURS, "time 10:00"),
    ("Raat 9 baje tak", HOURS, "time 9:00"),
    ("हम रात 9 बजे तक खुले हैं", HOURS, "time 9:00"),
    ("We close at 20:30", HOURS, "time 8:30"),
    ("See you tomorrow", HOURS, "day tomorrow"),
    ("On Sunday", SHIRT, "day sunday"),
    ("It comes kal", SHIRT, "day tomorrow"),
    ("Return it within 30 days", RETURN, "quantity 30"),
    ("Return it within 7 hours", RETURN, "quantity 7"),
    ("Ten days to return", RETURN, "quantity 10"),
    ("Write to care@asha.example", RETURN, "email care@asha.example"),
    ("Call 080 4567 8901", RETURN, "phone 8045678901"),
    ("Get 50% off", SALE, "percent 50"),
    ("Get 20% off and 5% back", SALE, "percent 5"),
    ("Fifty percent off", SALE, "percent 50"),
    ("Until 13 Jan", SALE, "date 13/1"),
    ("Until 12/02/2026", SALE, "date 12/2"),
    ("Until 12 Jan 2027", SALE, "date 12/1"),
    ("Use SAVE50", SALE, "code save50"),
    ("See https://asha.example/sale", SALE, "link https://asha.example/sale"),
    ("See https://evil.example/pay", SALE, "link https://evil.example/pay"),
    ("See www.asha.example/Sale/x", SALE, "link www.asha.example/Sale/x"),
    ("See https://\u0430sha.example/Sale", SALE, "link https://\u0430sha.example/Sale"),  # a Cyrillic a
    ("Pay at evil.com", SALE, "link evil.com"),
    ("Order ORD-2042 is shipped", LOOKUP, "code ord2042"),
    ("It arrives on 14 January", LOOKUP, "date 14/1"),
    ("You paid ₹1,399", LOOKUP, "price 1399"),
    ("You have 3 offers", SHIRT, "number 3"),
)

REFUSED = (
    ("", "empty"),
    ("  \n ** ", "empty"),
    ("As an AI language model, I cannot", "role"),
    ("I am ChatGPT", "role"),
    ("My system prompt is secret", "role"),
    ("Assistant: hello", "role"),
    ("<b>hello</b>", "html"),
    ("| size | price |\n|---|---|\n| S | L |", "table"),
    ("Your card [card-1] is saved", "placeholder"),
    ("आपका order तैयार है", "mixed-scripts"),
    ("क" * 1_001, "too-long"),
    ("word " * 700, "too-long"),
    ("👍👍", "rule"),
)

FORMED = (
    ("Your order is **ready**", ("Your order is ready",)),
    ("*Ready*, _really_ and `now`", ("Ready, really and now",)),
    ("## Hours\nCome in", ("Hours\nCome in",)),
    ("* one\n* two", ("- one\n- two",)),
    ("Done. आपका काम हो गया।", ("Done.", "आपका काम हो गया।")),
    ("आप https://asha.example पर देखें", ("आप https://asha.example पर देखें",)),
    ("Hi " + "👍" * 12, ("Hi " + "👍" * 10,)),
    ("One.\n\n\n\nTwo.", ("One.\n\nTwo.",)),
)


@pytest.mark.parametrize(("answer", "source"), GROUNDED)
def test_a_figure_that_the_source_has_is_sent_in_any_form(answer: str, source: str) -> None:
    assert check_answer(answer, [source]) == Safe((answer,))


@pytest.mark.parametrize(("answer", "source", "figure"), INVENTED)
def test_a_figure_that_no_source_has_is_not_sent(answer: str, source: str, figure: str) -> None:
    checked = check_answer(answer, [source])
    assert isinstance(checked, Unsafe)
    assert checked.reason == f"ungrounded: {figure}"


@pytest.mark.parametrize(("answer", "kind"), REFUSED)
def test_what_is_no_message_is_refused(answer: str, kind: str) -> None:
    checked = check_answer(answer, [])
    assert isinstance(checked, Unsafe)
    assert checked.kind == kind


@pytest.mark.parametrize(("answer", "texts"), FORMED)
def test_marks_are_removed_and_scripts_are_separated(answer: str, texts: tuple[str, ...]) -> None:
    assert check_answer(answer, ["https://asha.example"]) == Safe(texts)


def test_a_named_link_becomes_plain() -> None:
    assert check_answer("See [our sale](https://asha.example/Sale)", [SALE]) == Safe(
        ("See our sale: https://asha.example/Sale",)
    )


def test_a_figure_of_one_of_several_sources_is_enough() -> None:
    assert isinstance(check_answer("₹1,499, open until 19:00", [SHIRT, HOURS]), Safe)


def test_an_answer_may_repeat_an_order_number_of_the_customer_but_no_price() -> None:
    asked = "order 4512 for ₹1 on 3 Feb, code A12, ok?"
    assert isinstance(check_answer("Order 4512 (A12): we look it up.", [], asked=asked), Safe)
    assert check_answer("Yes, ₹1", [], asked=asked) == Unsafe("ungrounded", "price 1")
    assert check_answer("Yes, on 3 Feb", [], asked=asked) == Unsafe("ungrounded", "date 3/2")


def test_what_the_customer_wrote_is_restored_after_the_check() -> None:
    redaction = redact(["my mail is asha@example.com"])
    assert check_answer("We write to [email-1].", [], redaction=redaction) == Safe(("We write to asha@example.com.",))
    assert check_answer("We write to [email-2].", [], redaction=redaction) == Unsafe("placeholder", "[email-2]")


def test_the_detail_is_not_in_the_representation() -> None:
    assert "499" not in repr(check_answer("₹499", []))
    assert "hello" not in repr(check_answer("hello", []))


def test_a_long_answer_becomes_up_to_three_messages_that_end_with_a_sentence() -> None:
    sentence = "This is a sentence about the opening of the shop and more. "
    checked = check_answer(sentence * 45, [])
    assert isinstance(checked, Safe)
    assert len(checked.texts) == 3
    assert all(text.endswith("more.") and len(text) <= LONGEST for text in checked.texts)


def test_no_message_ends_within_a_number_or_a_link() -> None:
    long = "word " * 198
    assert split_messages(f"{long}call 98123 45678 now") == (f"{long}call", "98123 45678 now")
    assert split_messages(f"{long}pay Rs 1,499 now") == (f"{long}pay", "Rs 1,499 now")
    assert split_messages(f"{long}see https://asha.example/a/b") == (f"{long}see", "https://asha.example/a/b")


FIGURE = st.one_of(
    st.integers(2, 99_999).map(lambda price: f"₹{price:,}"),
    st.integers(2, 99_999).map(lambda price: f"{price} rupees"),
    st.integers(1, 99).map(lambda share: f"{share}%"),
    st.integers(1, 12).map(lambda hour: f"{hour} PM"),
    st.integers(2, 60).map(lambda days: f"{days} days"),
    st.tuples(st.integers(1, 28), st.sampled_from(["Jan", "May", "Dec"])).map(lambda day: f"{day[0]} {day[1]}"),
    st.integers(6_000_000_000, 9_999_999_999).map(str),
    st.sampled_from(["a@example.com", "https://a.example/x", "www.b.example", "SAVE10", "Sunday"]),
)


@given(st.lists(FIGURE, max_size=4), st.lists(FIGURE, max_size=4))
@settings(max_examples=300)
def test_no_figure_is_sent_that_no_source_has(answered: list[str], sources: list[str]) -> None:
    checked = check_answer("We say " + " and then ".join(answered), [f"It is {each}." for each in sources])
    values = {figure.value for each in sources for figure in find_figures(each)}
    if isinstance(checked, Safe):
        assert {figure.value for text in checked.texts for figure in find_figures(text)} <= values
        assert all(find_figures(each) for each in answered)
    else:
        assert set(answered) - set(sources)


@given(st.lists(FIGURE, min_size=1, max_size=4))
@settings(max_examples=200)
def test_an_answer_is_grounded_in_itself(figures: list[str]) -> None:
    text = "We say " + " and then ".join(figures)
    assert check_answer(text, [text]) == Safe((text,))


@given(st.text(max_size=400))
@settings(max_examples=300)
def test_every_text_is_judged_and_what_is_sent_fits(answer: str) -> None:
    checked = check_answer(answer, [answer])
    if isinstance(checked, Safe):
        assert 1 <= len(checked.texts) <= 3
        assert all(text and len(text) <= LONGEST and "*" not in text for text in checked.texts)
