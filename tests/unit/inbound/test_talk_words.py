"""Words for a person, in anger, about robots and small talk are not taken for questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara.inbound.talk_words import SmallTalk
from harkara.inbound.words import Words

FILE = Path(__file__).resolve().parents[3] / "config" / "words.toml"
TALK = Words.load(FILE).talk


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Agent", True),
        ("AGENT!!", True),
        ("hello, agent please", True),
        ("can I speak to someone?", True),
        ("मुझे किसी व्यक्ति से बात करनी है", True),
        ("manager se baat karni hai", True),
        ("kisi insaan se baat karao", True),
        ("kisi aadmi se bat karao", True),
        ("please connect me with some human", True),
        ("किसी इंसान से मेरी बात कराओ", True),
        ("kisi bande se connect karo yaar", True),
        ("customer care number se connect karo", True),
        ("connect me with customer support please", True),
        ("कस्टमर केयर से कनेक्ट करो", True),
        ("helpline walo se baat karao", True),
        ("what is the customer care number", False),
        ("your agent gave me a form yesterday and it has no place to write, so let us talk about it", False),
        ("is your agent open on Sunday", False),
        ("how many persons can come", False),
        ("doctor se baat karni hai", False),
        ("are you a real person", False),
        ("", False),
    ],
)
def test_a_person_is_asked_for_by_a_word_alone_or_a_phrase(text: str, asks: bool) -> None:
    assert TALK.asks_person(text) is asks


@pytest.mark.parametrize(
    ("text", "angry"),
    [
        ("worst service ever", True),
        ("You are a FRAUD", True),
        ("धोखा दे रहे हो", True),
        ("bakwaaas hai", True),
        ("bakwas hai", True),
        ("what are the terms of the fraudulent claims cover", False),
        ("bad weather today, are you open?", False),
        ("no problem, not angry", False),
        ("I am not at all angry", False),
        ("I don't want to complain", False),
        ("mujhe gussa nahi hai", False),
        ("koi shikayat nahi hai", False),
        ("कोई शिकायत नहीं है", False),
        ("is this allowed in a cheat meal", False),
        ("koi fraud to nahi hai na", False),
        ("where do i file a complaint", False),
        ("how can I register my complaint?", False),
        ("complaint kaise kare", False),
        ("शिकायत कहाँ करें", False),
        ("i have a complaint", True),
        ("I will complain to your manager", True),
        ("where is it? i will complain", True),
        ("where is my order i will complain", True),
        ("how can i complain about this pathetic shop", True),
        ("not good, worst service", True),
        ("no reply for 3 days pathetic", True),
        ("you guys are cheaters", True),
        ("do you have a loot offer", False),
        ("you have cheated me", True),
        ("tum log chor ho", True),
        ("this is a scam!", True),
        ("not angry, but this is pathetic", True),
    ],
)
def test_anger_is_found_by_whole_words(text: str, angry: bool) -> None:
    assert TALK.is_angry(text) is angry


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ok", "acknowledged"),
        ("👍🏾", "acknowledged"),
        ("ok thanks", "thanks"),
        ("hi, thank you", "thanks"),
        ("hello ji", "hello"),
        ("theek hai bhai", "acknowledged"),
        ("please", "acknowledged"),
        ("ok when", None),
        ("?", None),
        ("", None),
        ("🚚", None),
    ],
)
def test_small_talk_is_a_message_of_nothing_else(text: str, kind: SmallTalk | None) -> None:
    assert TALK.small_talk(text) == kind


@pytest.mark.parametrize("text", ["Are you a robot?", "aap robot ho kya", "am i talking to a bot", "क्या आप इंसान हैं?"])
def test_a_question_about_robots_is_found(text: str) -> None:
    assert TALK.asks_for_robot(text)


def test_a_file_of_an_older_release_knows_agent(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    text = FILE.read_text("utf-8")
    path.write_text(text[: text.index("\n[hand-over]\n")], "utf-8")
    old = Words.load(path).talk
    assert old.asks_person("agent")
    assert not old.is_angry("worst")
