"""The messages of a campaign: what all of them share is validated once, and each is what it would be by itself."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harkara import Envelope, Template
from harkara.campaigns import CampaignMessage, Recipient, Reject, build_messages, parse_mapping, read_recipients
from harkara.campaigns.messages import CUSTOMER_NAME, MessageBuilder
from harkara.campaigns.steps import SEGMENT, CampaignSteps, producer
from tests.unit.catalogue.templates import CATALOGUE, PICTURE, values

STEPS = CampaignSteps(canary=0.5, wave_column="city", wave_value="Pune", hold_out=0.2)

TEXTS = [
    *(
        "Asha",
        "आशा",
        "Pune",
        "₹ 500 🎉",
        "a_b",
        "{name}",
        "{{1}}",
        "#N/A",
        "NULL",
        "undefined",
        "(null)",
        "$name",
        "$city",
    ),
    *(" ", "", "a\nb", "a\tb", "*now*", "_now_", "<b>x</b>", "<Order>", "आशा Rao", "x" * 1_025, "x" * 600, "a     b"),
    *(
        "upi://pay?pa=x",
        "see https://example.com/#x",
        "🎉" * 11,
        "'=1+1",
        "=1+1",
        '="00123"',
        "\u200bAsha",
        "Asha\u00a0",
    ),
]
LINKS = [
    *(PICTURE, "https://example.com/b.png", "http://example.com/a.jpg", "https://example.com/a.exe", "not a link", ""),
    *(
        "https://localhost/a.jpg",
        "https://example.com/a b.jpg",
        "https://example.com/a.jpg?Expires=1700000000&Signature=x",
    ),
    *("https://example.com/a.jpg?X-Amz-Date=20200101T000000Z&X-Amz-Expires=60", "https://me@example.com/a.jpg"),
]
NUMBERS = [
    *(
        "9876543210",
        "+91 98765-43211",
        "919876543212",
        "098765 43213",
        "00919876543214",
        "9876543215.0",
        "१२३",
        "12345",
    ),
    *("9.19877E+11", "-9876543119", "9876543210.5", "+5531988888888", "553188888888", "+1 202 555 0123", "", "Asha"),
    *("'9876543216", '="9876543217"', "\u202a+91 98765 43218\u202c", "+91 12345 67890", "9" * 70),
]
KINDS = {"promotional_broadcast": LINKS, "shipping_update": TEXTS, "appointment_reminder_2h": TEXTS}


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[dict[str, str]]]:
    """Draw a kind, and rows of which many are invalid, for each reason that a row can be rejected."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    columns = {name: st.sampled_from(TEXTS) for name in (*values(kind), CUSTOMER_NAME, "city")}
    columns |= {"image": st.sampled_from(LINKS)} if "image" in columns else {}
    usual = values(kind) | {CUSTOMER_NAME: "", "city": "Pune"}
    rows = [{"to": draw(st.sampled_from(NUMBERS))} | usual for _ in range(draw(st.integers(1, 8)))]
    for row in rows:
        for name in draw(st.lists(st.sampled_from(sorted(columns)), max_size=2)):
            row[name] = draw(columns[name])
    return kind, rows


def outcomes(
    path: Path, kind: str, rows: Sequence[dict[str, str]], language: str | None
) -> list[CampaignMessage | Reject]:
    """Read the rows from a file, as a campaign does."""
    return list(build_messages(recipients(path, kind, rows), builder(kind, language)))


def builder(kind: str, language: str | None) -> MessageBuilder:
    return MessageBuilder(CATALOGUE.filler(kind, language=language), STEPS, "sale", "camp_1", "default")


def recipients(path: Path, kind: str, rows: Sequence[dict[str, str]]) -> Iterator[Recipient | Reject]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    names = (*CATALOGUE.find(kind).parameters, CUSTOMER_NAME)
    columns = parse_mapping([f"{SEGMENT}=city"], (*names, SEGMENT))
    return read_recipients(path, columns, optional=[CUSTOMER_NAME, SEGMENT])


def by_itself(kind: str, recipient: Recipient, language: str | None) -> CampaignMessage:
    """Build one message with the constructors, which validate everything."""
    given = dict(recipient.values)
    name, segment = given.pop(CUSTOMER_NAME, None), given.pop(SEGMENT, None)
    stage = STEPS.stage("sale", recipient.to, segment)
    filled = CATALOGUE.message(kind, given, language=language, opted_in=True)
    template = Template(
        filled.name,
        filled.language,
        header=filled.header,
        body=filled.body,
        buttons=filled.buttons,
        category=filled.category,
    )
    envelope = Envelope(to=recipient.to, messages=[template], producer=producer("camp_1", stage), customer_name=name)
    return CampaignMessage(recipient.row, envelope, STEPS.holds_out("sale", recipient.to))


def content(outcome: CampaignMessage | Reject) -> Any:
    if isinstance(outcome, Reject):
        return outcome
    return outcome.row, outcome.held_out, dict(outcome.envelope) | {"id": ""}


@given(table=tables(), language=st.sampled_from([None, "en_US", "hi", "English"]))
def test_each_row_has_the_message_or_the_reason_that_it_has_by_itself(
    tmp_path: Path, table: tuple[str, list[dict[str, str]]], language: str | None
) -> None:
    kind, rows = table
    path = tmp_path / "audience.csv"
    found = outcomes(path, kind, rows, language)
    expected = build_messages(recipients(path, kind, rows), lambda each: by_itself(kind, each, language))
    assert list(map(content, found)) == list(map(content, expected))
    messages = [each.envelope for each in found if isinstance(each, CampaignMessage)]
    assert len({each.id for each in messages}) == len(messages)
    for envelope in messages:
        again = Envelope.from_wire(json.loads(envelope.body_json()), category=envelope.category)
        assert again.body() == envelope.body(), "Chat Mitra's rules hold for the request"


def calls(run: Callable[[], object]) -> Counter[str]:
    """Return how often each function is called."""
    found: Counter[str] = Counter()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: found.update([frame.f_code.co_qualname] if event == "call" else []))
    try:
        run()
    finally:
        sys.setprofile(before)
    return found


def test_a_value_is_validated_once_and_what_repeats_only_in_its_first_row() -> None:
    shared = values("promotional_broadcast")
    people = [Recipient(n, f"9198765{n:05}", shared | {"customer": f"Customer {n}"}) for n in range(100)]
    build = MessageBuilder(CATALOGUE.filler("promotional_broadcast"), CampaignSteps(), "sale", "camp_1", "default")
    found = calls(lambda: list(build_messages(people, build)))
    assert found["validate_parameter"] == 100 + 3, "each customer, and once the other three texts"
    assert found["validate_media_link"] == 1
    assert found["StrictModel._validate"] == 3, "the first image, template and envelope"
