"""Hypothesis strategies for valid messages of every kind."""

from __future__ import annotations

from hypothesis import strategies as st

from harkara.messages import (
    Audio,
    Button,
    Buttons,
    Contact,
    Contacts,
    CopyCode,
    Document,
    Image,
    ListMessage,
    Location,
    Message,
    QuickReply,
    Reaction,
    Row,
    Section,
    Sticker,
    Template,
    Text,
    UrlSuffix,
    Video,
)


def words(limit: int) -> st.SearchStrategy[str]:
    """One line of Latin or Devanagari text that ends with a letter, of at most `limit` characters."""
    latin = st.text(st.sampled_from("abcXYZ 019.,!?#₹&\"'\\é"), max_size=limit - 1).map(lambda text: text + "z")
    hindi = st.text(st.sampled_from("नमस्ते ०१९.,!?#₹&"), max_size=limit - 1).map(lambda text: text + "न")
    return (latin | hindi).filter(lambda text: "     " not in text)


def ids(limit: int) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from("abcXYZ019_-:."), min_size=1, max_size=limit)


def links(*extensions: str) -> st.SearchStrategy[str]:
    names = st.text(st.sampled_from("abc019-_"), min_size=1, max_size=20)
    return st.builds("https://cdn.example.com/{}.{}?v=1.2".format, names, st.sampled_from(extensions))


def maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


flags = st.none() | st.booleans()
lines = words(180).map(lambda text: text.replace(".", "\n"))
texts = st.builds(Text, lines, preview_url=flags)
images = st.builds(Image, links("jpg", "PNG", "webp"), caption=maybe(lines))
videos = st.builds(Video, links("mp4", "3gp"), caption=maybe(lines))
documents = st.builds(Document, links("pdf", "docx"), filename=maybe(ids(20)), caption=maybe(lines))
headers = (
    words(60)
    | st.builds(Image, links("jpg"))
    | st.builds(Video, links("mp4"))
    | st.builds(Document, links("pdf"), filename=maybe(ids(20)))
)

replies = st.lists(
    st.builds(Button, ids(256), words(20)), min_size=1, max_size=3, unique_by=(lambda b: b.id, lambda b: b.title)
)
buttons = st.builds(Buttons, lines, buttons=replies, header=st.none() | headers, footer=maybe(words(60)))

rows = st.builds(Row, ids(200), words(20), maybe(words(72)))


@st.composite
def sections(draw: st.DrawFn) -> list[Section]:
    chosen = draw(st.lists(rows, min_size=1, max_size=10, unique_by=lambda row: row.id))
    cut = draw(st.integers(0, len(chosen) - 1))
    if not cut:
        return [Section(draw(maybe(words(24))), rows=chosen)]
    return [Section(draw(words(24)), rows=chosen[:cut]), Section(draw(words(24)), rows=chosen[cut:])]


lists = st.builds(
    ListMessage,
    lines,
    button=words(20),
    sections=sections(),
    header=maybe(words(60)),
    footer=maybe(words(60)),
)

template_buttons = st.lists(
    st.builds(UrlSuffix, ids(40), index=st.none())
    | st.builds(QuickReply, ids(256), index=st.none())
    | st.builds(CopyCode, ids(15), index=st.none()),
    max_size=10,
)
templates = st.builds(
    Template,
    st.from_regex(r"[a-z0-9_]{1,60}", fullmatch=True),
    st.sampled_from(["en", "en_US", "hi", "fil"]),
    header=st.none() | headers,
    body=st.lists(words(80), max_size=10),
    buttons=template_buttons,
)

messages: st.SearchStrategy[Message] = st.one_of(
    texts,
    images,
    videos,
    st.builds(Audio, links("mp3", "ogg", "opus"), voice=flags),
    documents,
    st.builds(Sticker, links("webp")),
    st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), name=maybe(words(40)), address=maybe(words(90))),
    st.builds(
        Contacts,
        st.lists(st.builds(Contact, ids(30), phones=st.none() | st.lists(ids(15), max_size=3)), min_size=1, max_size=3),
    ),
    st.builds(Reaction, ids(80), st.sampled_from(["👍", "❤️", "❤", "🇮🇳", "👨‍👩‍👧", "👍🏽", "1️⃣", ""])),
    buttons,
    lists,
    templates,
)
"""Any message, without the fields that are never sent."""
