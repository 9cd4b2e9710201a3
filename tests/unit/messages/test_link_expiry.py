"""A link that contains its own end is refused when the message is sent after it."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara.errors import Invalid
from harkara.messages import Buttons, Document, Envelope, Image, Message, Template, Text, parse_item
from harkara.messages.link_expiry import end_of_link, first_end
from harkara.messages.media import media_in

TO = "919876543210"
END = datetime(2020, 1, 1, 0, 5, tzinfo=UTC)
UNIX = int(END.timestamp())
S3 = "https://b.s3.ap-south-1.amazonaws.com/k/a.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=ab"
OVER = f"{S3}&X-Amz-Date=20200101T000000Z&X-Amz-Expires=300"


def cloudfront_policy(end: object) -> str:
    policy = {"Statement": [{"Resource": "https://d/a", "Condition": {"DateLessThan": {"AWS:EpochTime": end}}}]}
    return b64encode(json.dumps(policy).encode()).decode().translate(str.maketrans("+=/", "-_~"))


def signed(begin: datetime, seconds: int) -> str:
    return f"{S3}&X-Amz-Date={begin:%Y%m%dT%H%M%SZ}&X-Amz-Expires={seconds}"


@pytest.mark.parametrize(
    "link",
    [
        OVER,
        OVER.lower(),
        "https://storage.googleapis.com/b/a.pdf?X-Goog-Date=20200101T000000Z&X-Goog-Expires=300&X-Goog-Signature=ab",
        "https://b.oss.aliyuncs.com/a.pdf?x-oss-date=20200101T000000Z&x-oss-expires=300&x-oss-signature=ab",
        "https://a.blob.core.windows.net/c/a.pdf?sv=2022-11-02&se=2020-01-01T00%3A05%3A00Z&sr=b&sig=ab%3D",
        f"https://b.s3.amazonaws.com/a.pdf?AWSAccessKeyId=A&Expires={UNIX}&Signature=ab",
        f"https://storage.googleapis.com/b/a.pdf?GoogleAccessId=a&Expires={UNIX}&Signature=ab",
        f"https://d1.cloudfront.net/a.pdf?Expires={UNIX}&Signature=ab&Key-Pair-Id=K",
        f"https://d1.cloudfront.net/a.pdf?Policy={cloudfront_policy(UNIX)}&Signature=ab&Key-Pair-Id=K",
        f"https://b.cos.myqcloud.com/a.pdf?q-sign-time=1577836000;{UNIX}&q-signature=ab",
        f"https://shop.example.com/invoice.pdf?expires={UNIX}&signature=ab",
        f"https://cdn.example.com/invoice.pdf?token=ab&expires={UNIX}",
    ],
)  # fmt: skip
def test_the_end_of_a_signed_link_is_known(link: str) -> None:
    assert end_of_link(link) == END


def test_the_end_of_a_day_in_azure_is_its_first_second() -> None:
    assert end_of_link("https://a.blob.core.windows.net/c/a?se=2020-01-02&sig=a") == datetime(2020, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/a.pdf",
        "https://example.com/a.pdf?",
        f"https://example.com/a.pdf?expires={UNIX}",  # no signature: the name alone proves nothing
        "https://example.com/a.pdf?expires=never&token=a",
        "https://example.com/a.pdf?expires=300&token=a",
        "https://example.com/a.pdf?se=2020-01-01",
        "https://example.com/a.pdf?se=stockholm&sig=a",
        f"{S3}&X-Amz-Date=yesterday&X-Amz-Expires=300",
        f"{S3}&X-Amz-Date=20200101T000000Z&X-Amz-Expires=soon",
        f"{S3}&X-Amz-Date=20200101T000000Z&X-Amz-Expires=99999999999999999999",
        "https://d1.cloudfront.net/a.pdf?Policy=%%%&Signature=ab&Key-Pair-Id=K",
        f"https://d1.cloudfront.net/a.pdf?Policy={cloudfront_policy('x')}&Signature=ab&Key-Pair-Id=K",
        f"https://d1.cloudfront.net/a.pdf?Policy={b64encode(b'[' * 1_400).decode()}&Signature=ab&Key-Pair-Id=K",
        "https://d1.cloudfront.net/a.pdf?Policy=W10_&Signature=ab&Key-Pair-Id=K",
        "https://b.cos.myqcloud.com/a.pdf?q-sign-time=x;y&q-signature=ab",
    ],
)
def test_any_other_link_has_no_known_end(link: str) -> None:
    assert end_of_link(link) is None


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Document(OVER), "messages[0].link"),
        (Buttons("Your invoice", buttons=["Paid"], header=Document(OVER)), "messages[0].header.link"),
        (Template("invoice_ready", header=Document(OVER), body=["Asha"]), "messages[0].header.link"),
    ],
)
def test_a_link_that_is_over_is_refused_with_its_end(message: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Envelope(to=TO, messages=[message])
    rule = "ends before the message is sent; use a link that lasts longer"
    assert (refused.value.field, refused.value.rule) == (field, rule)
    assert refused.value.measure == "this one ends at 2020-01-01T00:05:00Z"


def test_the_case_presigned_link_is_refused_at_the_http_api() -> None:
    payload = {"type": "document", "document": {"link": OVER}}
    item = {"kind": "raw", "payload": payload}
    request = {"recipient_mobile_number": TO, "messages": [item]}
    with pytest.raises(Invalid, match=r"^messages\[0\]\.link: ends before the message is sent"):
        Envelope.from_wire(request)
    assert parse_item(item) == Document(OVER)


def test_the_end_is_compared_with_the_time_of_sending() -> None:
    now = datetime.now(UTC)
    link = signed(now, 3600)
    envelope = Envelope(to=TO, messages=[Document(link)], at=now + timedelta(minutes=59))
    assert envelope.messages == (Document(link),)
    with pytest.raises(Invalid, match="ends before the message is sent"):
        Envelope(to=TO, messages=[Document(link)], at=now + timedelta(minutes=61))
    with pytest.raises(Invalid, match="ends before the message is sent"):
        Envelope(to=TO, messages=[Document(OVER)], at=END - timedelta(minutes=1))  # the message is sent now


def test_the_fallback_is_validated_as_well() -> None:
    with pytest.raises(Invalid, match=r"^fallback\.header\.link: ends"):
        Envelope(to=TO, messages=[Text("Hello")], fallback=Template("invoice_ready", header=Document(OVER)))


def test_a_link_that_ended_in_the_intake_does_not_lose_its_message() -> None:
    now = datetime.now(UTC)
    json_text = Envelope(to=TO, messages=[Document(signed(now, 60))]).to_json()
    late = json_text.replace(f"{now:%Y%m%d}T", "20200101T")
    assert Envelope.from_json(late).messages[0] == Document(signed(now, 60).replace(f"{now:%Y%m%d}T", "20200101T"))


def test_the_media_of_a_request_are_found_in_its_json() -> None:
    later = signed(datetime(2020, 1, 1, tzinfo=UTC), 600)
    messages: list[Message] = [
        Text('a "link":"https://example.com/x" and "image":{"link":"https://example.com/y"'),
        Image("https://example.com/a.jpg", caption="menu"),
        Template("invoice_ready", header=Document(later, filename="a.pdf"), body=["Asha"]),
    ]
    link = "https://example.com/a.jpg"
    body = json.dumps({"messages": [each.wire() for each in messages]}, ensure_ascii=False, separators=(",", ":"))
    assert media_in(body) == [("image", link), ("document", later)]
    assert first_end(body) == datetime(2020, 1, 1, 0, 10, tzinfo=UTC)
    assert first_end('{"message":"hello"}') is None
