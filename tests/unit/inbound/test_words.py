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
        ("Please cancel", None, Cancel()),
        ("cancel cancel please", None, Cancel()),
        ("Yes please, confirmed. Thank you!", None, Confirm()),
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


POLITE_OPT_OUTS = [
    *("Please stop", "stop please", "Stop. Thank you", "STOP STOP STOP", "unsubscribe please", "band karo please"),
    *(
        "band kro",
        "PLZ STOP!!!",
        "Stop it now, please",
        "kindly stop sending messages",
        "stoppp",
        "STOOOOP",
        "S T O P",
        "Sir pls stop",
    ),
    *("stop 🙏🙏", "🛑 STOP 🛑", "“Stop”…", "Stop! Unsubscribe me.", "stop stop unsubscribe"),
    *("Thanks, don't message me", "do not send messages", "no more messages please", "remove me from your list"),
    *("STOP\nSTOP\nSTOP", "stop, please stop", "Stop thank you sir", "Unsub pls"),
]

OPT_OUTS_OF_INDIA = {
    "Hindi": ["कृपया बंद करें", "मैसेज मत भेजो", "प्लीज़ बंद करो", "बंद कीजिए", "bhai msg mat karo", "message bhejna band karo"],
    "Marathi": ["बंद करा", "कृपया मेसेज पाठवू नका", "मेसेज नको", "थांबवा", "krupaya band kara", "msg pathvu naka"],
    "Gujarati": ["બંધ કરો", "મહેરબાની કરીને બંધ કરો", "મેસેજ ન મોકલો", "bandh karo", "message na moklo"],
    "Tamil": ["நிறுத்து", "தயவு செய்து நிறுத்துங்கள்", "மெசேஜ் வேண்டாம்", "niruthungal", "msg anuppa vendam please"],
    "Telugu": ["ఆపండి", "దయచేసి మెసేజ్‌లు పంపకండి", "మెసేజ్ పంపొద్దు", "aapandi", "dayachesi messages aapandi"],
    "Bengali": ["বন্ধ করুন", "দয়া করে বন্ধ করুন", "মেসেজ পাঠাবেন না", "bondho korun", "msg pathaben na"],
    "Kannada": ["ನಿಲ್ಲಿಸಿ", "ದಯವಿಟ್ಟು ನಿಲ್ಲಿಸಿ", "ಮೆಸೇಜ್ ಬೇಡ", "nillisi", "dayavittu message kaluhisabedi"],
}

FOR_A_PERSON = [
    *("please stop by at ten", "don't stop", "please don't stop", "stop sending to my office, use home", "non stop"),
    *("where is the bus stop", "it will not stop", "can you stop the delivery", "stop start", "start and stop", "no"),
    *("please cancel", "please cancel my order", "the end", "weekend", "thank you", "please", "hello", "ji", "sorry"),
    *("I want to unsubscribe my father", "stop worrying", "is the shop band", "dukaan band hai", "band karo mat"),
    *("नको", "थांबा", "रुको", "दुकान बंद है", "वेळ बदला", "ના", "વાંધો નહીં", "வேண்டாம்", "இல்லை", "வருகிறேன்", "వద్దు"),
    *("లేదు", "না", "থামবেন কখন", "ಬೇಡ", "ಇಲ್ಲ", "vendam", "vaddu", "beda", "nako", "ruko", "thamba"),
]


@pytest.mark.parametrize("text", POLITE_OPT_OUTS)
@pytest.mark.parametrize("reminder", [False, True])
def test_an_opt_out_counts_when_it_is_polite_or_repeated(text: str, reminder: bool) -> None:
    assert SHIPPED.interpret(text, None, reminder_open=reminder) == OUT


@pytest.mark.parametrize("text", [text for texts in OPT_OUTS_OF_INDIA.values() for text in texts])
def test_an_opt_out_counts_in_the_languages_of_india(text: str) -> None:
    assert SHIPPED.interpret(text, None, reminder_open=False) == OUT
    assert SHIPPED.interpret(f"{text}!! 🙏", None, reminder_open=True) == OUT


@pytest.mark.parametrize(
    "text", ["Please stop offers", "no more promotions. Thanks", "ऑफर नको", "offers vaddu", "অফার পাঠাবেন না", "ಆಫರ್ ಬೇಡ"]
)
def test_an_opt_out_of_marketing_alone_counts_when_it_is_polite(text: str) -> None:
    assert SHIPPED.interpret(text, None, reminder_open=False) == OptOut("marketing")


@pytest.mark.parametrize("text", FOR_A_PERSON)
def test_a_sentence_that_may_mean_something_else_stays_for_a_person(text: str) -> None:
    assert SHIPPED.interpret(text, None, reminder_open=False) is None


@pytest.mark.parametrize("word", ["stop", "bondho korun", "நிறுத்து"])
def test_a_very_long_repetition_is_still_an_opt_out(word: str) -> None:
    assert SHIPPED.interpret(" ".join([word] * 500), None, reminder_open=False) == OUT


@pytest.mark.parametrize(
    ("payload", "title", "closed", "opened"),
    [
        ("CONFIRM", "Confirm", None, Confirm()),
        ("CANCEL", "Cancel", None, Cancel()),
        ("RESCHEDULE", None, None, Reschedule()),
        ("visit_7_yes", "Confirm", None, Confirm()),
        ("order_3", "Cancel", None, Cancel()),
        ("Stop promotions", "Stop promotions", OptOut("marketing"), OptOut("marketing")),
        ("option_2", "Stop promotions", OptOut("marketing"), OptOut("marketing")),
        ("row_4", "Please stop", OUT, OUT),
        ("row_5", "ನಿಲ್ಲಿಸಿ", OUT, OUT),
        ("STOP", "Leave me alone", OUT, OUT),
        ("menu_3", "Menu", None, None),
        ("quiz_1", "Start", None, None),
        ("START", "Start", OptIn(), OptIn()),
    ],
)
def test_a_button_or_list_row_is_interpreted_by_its_id_and_its_title(
    payload: str, title: str | None, closed: Reply | None, opened: Reply | None
) -> None:
    """A button of a reminder that is over is no opt-out, and a title alone is no opt-in."""
    assert SHIPPED.interpret(title, payload, reminder_open=False) == closed
    assert SHIPPED.interpret(title, payload, reminder_open=True) == opened


def test_a_file_of_an_older_release_still_knows_please(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    text = FILE.read_text("utf-8")
    path.write_text(text[text.index("[opt-out]\n#") :], "utf-8")
    assert Words.load(path).interpret("Please stop", None, reminder_open=False) == OUT


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
