"""Media, interactive messages, locations, contacts and reactions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.sandbox.process import Sandbox

LINK = "https://cdn.example.com/file"


def button(title: str = "Yes", id: str = "y") -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": id, "title": title}}


def buttons(*buttons: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "button", "body": {"text": "Well?"}, "action": {"buttons": list(buttons)}} | more


def rows(count: int, prefix: str = "r") -> list[dict[str, Any]]:
    return [{"id": f"{prefix}{n}", "title": "Row"} for n in range(count)]


def menu(*sections: dict[str, Any], button: str = "Choose") -> dict[str, Any]:
    return {"type": "list", "body": {"text": "Which?"}, "action": {"button": button, "sections": list(sections)}}


ACCEPTED: list[tuple[str, Any]] = [
    ("image", {"link": "https://cloudinary.com/product-image.jpg", "caption": "Check out our new product!"}),
    ("image", {"link": f"{LINK}.WEBP"}),
    ("image", {"link": "https://cdn.example.com/photo.php?id=3"}),
    ("video", {"link": f"{LINK}.mp4", "caption": "c" * 1_024}),
    ("audio", {"link": f"{LINK}.opus"}),
    ("document", {"link": f"{LINK}.pdf", "filename": "Invoice 4711.pdf", "caption": "Yours"}),
    ("sticker", {"link": f"{LINK}.webp"}),
    ("image", {"link": "https://8.8.8.8/a.png"}),
    ("interactive", buttons(button(), button("No", "n"), button("t" * 20, "i" * 256))),
    ("interactive", buttons(button(), header={"type": "image", "image": {"link": f"{LINK}.png"}})),
    ("interactive", buttons(button(), header={"type": "text", "text": "h" * 60}, footer={"text": "f" * 60})),
    ("interactive", menu({"rows": rows(10)})),
    ("interactive", menu({"title": "A", "rows": rows(5)}, {"title": "B", "rows": rows(5, prefix="s")})),
    ("location", {"latitude": -90, "longitude": 180}),
    ("location", {"latitude": 12.97, "longitude": 77.59, "name": "Clinic", "address": "MG Marg"}),
    ("contacts", [{"name": {"formatted_name": "Dr. Iyer"}, "phones": [{"phone": "+91 98450 00000"}]}]),
    ("reaction", {"message_id": "wamid.X", "emoji": "👍🏽"}),
    ("reaction", {"message_id": "wamid.X", "emoji": "❤"}),
    ("reaction", {"message_id": "wamid.X", "emoji": ""}),
]


@pytest.mark.parametrize(("kind", "content"), ACCEPTED)
def test_a_message_within_the_limits_is_accepted(sandbox: Sandbox, kind: str, content: Any) -> None:
    response = sandbox.send_raw(kind, content)

    assert response.status_code == 202, response.text


LINKS = [
    "http://cdn.example.com/a.png",
    "https://localhost/a.png",
    "https://127.0.0.1/a.png",
    "https://127.1/a.png",
    "https://10.1.2.3/a.png",
    "https://192.168.0.1/a.png",
    "https://172.16.0.1/a.png",
    "https://169.254.169.254/a.png",
    "https://[::1]/a.png",
    "https://[fc00::1]/a.png",
    "https://intranet/a.png",
    "https://user:word@cdn.example.com/a.png",
    "https://[bad/a.png",
    "https://cdn.example.com/a b.png",
    "ftp://cdn.example.com/a.png",
    "a.png",
    "",
    None,
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_is_not_public_https_is_refused(sandbox: Sandbox, link: str | None) -> None:
    response = sandbox.send_raw("image", {"link": link})

    assert response.status_code == 400
    assert response.json()["message"].startswith("messages[0].payload.image.link: must ")


REFUSED: list[tuple[str, Any, str]] = [
    ("image", {"link": f"{LINK}.pdf"}, "image.link: image must be one of"),
    ("image", {"link": f"{LINK}.gif"}, "image.link: image must be one of"),
    ("video", {"link": f"{LINK}.mov"}, "video.link: video must be one of"),
    ("document", {"link": f"{LINK}.pdf", "filename": "run.exe"}, "document.filename: document must be one of"),
    ("sticker", {"link": f"{LINK}.png"}, "sticker.link: sticker must be one of"),
    ("image", {"link": f"{LINK}.png", "caption": "c" * 1_025}, "image.caption: must have at most 1024"),
    ("audio", {"link": f"{LINK}.mp3", "caption": "c"}, "audio.caption: audio has no caption"),
    ("interactive", {"type": "flow"}, "interactive.type: must be one of"),
    ("interactive", buttons(), "action.buttons: must have 1 to 3 entries, has 0"),
    ("interactive", buttons(*[button(id=str(n)) for n in range(4)]), "action.buttons: must have 1 to 3"),
    ("interactive", buttons(button("t" * 21)), "reply.title: must have at most 20"),
    ("interactive", buttons(button(id="i" * 257)), "reply.id: must have at most 256"),
    ("interactive", buttons(button(), button()), "action.buttons, ids: must differ"),
    ("interactive", buttons(button(), body={"text": "b" * 1_025}), "body.text: must have at most 1024"),
    ("interactive", buttons(button(), footer={"text": "f" * 61}), "footer.text: must have at most 60"),
    ("interactive", buttons(button(), header={"type": "text", "text": "h" * 61}), "header.text: must have"),
    ("interactive", buttons(button(), header={"type": "audio"}), "header.type: must be text, image"),
    ("interactive", menu({"rows": rows(11)}), "sections[0].rows: must have 1 to 10"),
    (
        "interactive",
        menu({"title": "A", "rows": rows(6)}, {"title": "B", "rows": rows(5, prefix="s")}),
        "10 rows in all",
    ),
    ("interactive", menu({"title": "A", "rows": rows(1)}, {"rows": rows(1, prefix="s")}), "sections[1].title: must be"),
    ("interactive", menu({"rows": [{"id": "1", "title": "t" * 21}]}), "rows[0].title: must have at most 20"),
    ("interactive", menu({"rows": [{"id": "1", "title": "t", "description": "d" * 73}]}), "description: must have"),
    ("interactive", menu({"rows": rows(2) + rows(1)}), "row ids: must differ"),
    ("interactive", menu({"rows": rows(1)}, button="b" * 21), "action.button: must have at most 20"),
    ("location", {"latitude": 90.1, "longitude": 0}, "location.latitude: must be from -90 to 90"),
    ("location", {"latitude": 0, "longitude": -180.5}, "location.longitude: must be from -180 to 180"),
    ("location", {"latitude": "12.9", "longitude": 0}, "location.latitude: must be a number"),
    ("location", {"latitude": True, "longitude": 0}, "location.latitude: must be a number"),
    ("contacts", [], "contacts: must have 1 to 257 entries"),
    ("contacts", [{"name": {}}], "contacts[0].name.formatted_name: must be a string"),
    ("reaction", {"message_id": "wamid.X", "emoji": "👍👍"}, "reaction.emoji: must be one emoji"),
    ("reaction", {"message_id": "wamid.X", "emoji": "ok"}, "reaction.emoji: must be one emoji"),
    ("reaction", {"emoji": "👍"}, "reaction.message_id: must be a string"),
]


@pytest.mark.parametrize(("kind", "content", "sentence"), REFUSED)
def test_a_broken_limit_is_refused_with_field_and_rule(
    sandbox: Sandbox, kind: str, content: Any, sentence: str
) -> None:
    response = sandbox.send_raw(kind, content)

    assert response.status_code == 400
    assert response.json()["message"].startswith("messages[0].payload.")
    assert sentence in response.json()["message"]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image", {"link": f"{LINK}.png", "caption": "*new*"}),
        ("interactive", buttons(button(), body={"text": "<b>Well?</b>"})),
        ("interactive", buttons(button(), header={"type": "text", "text": "*Hi*"})),
    ],
)
def test_markup_is_refused_in_captions_headers_and_bodies_too(sandbox: Sandbox, kind: str, content: Any) -> None:
    assert sandbox.send_raw(kind, content).json()["message"] == "Text contains invalid characters"
