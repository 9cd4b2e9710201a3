"""Scenario 1: a mixed set of messages, each with its expected end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from harkara import (
    Button,
    Buttons,
    Client,
    CopyCode,
    Document,
    Image,
    Location,
    Message,
    Template,
    Text,
    UrlSuffix,
)
from harkara.states import State

UNWILLING = "919876500013"
"""The number whose messages the sandbox refuses."""

UNAVAILABLE = "919000000503"
"""The number whose first message the sandbox answers with HTTP 503."""

GONE = {"accepted", "sent", "delivered", "read"}
"""The states of a message that Chat Mitra has accepted."""

_STYLE = dict.fromkeys(GONE, "[green]{}[/]") | {
    "failed": "[red]{}[/]",
    "waiting": "[yellow]{}[/]",
    "uncertain": "[magenta]{}[/]",
}


@dataclass(frozen=True, slots=True)
class Act:
    """One message of the demo, and its expected end."""

    what: str
    message: Message
    to: str
    options: dict[str, Any]
    ends: State | None = State.READ
    wrote: bool = True
    """Whether this customer has an open window; anything but a template needs one."""


def acts() -> list[Act]:
    """Return a mixed set: every kind, an urgent code, one for later, one that meets a 503, one that is refused."""
    soon = datetime.now(UTC) + timedelta(seconds=12)
    photo = "https://res.cloudinary.com/demo/image/upload/sample.jpg"
    code = Template(
        "otp_verification",
        body=["482913", "5", "the login"],
        buttons=[CopyCode("482913")],
        category="authentication",
    )
    pickup, ready = Text("You can pick it up now."), Template("order_ready", body=["Asha"])
    return [
        Act("text, first met by a 503", Text("Your order #12345 is ready for pickup 📦"), UNAVAILABLE, {}),
        Act("text in Hindi", Text("नमस्ते, आपका ऑर्डर तैयार है।"), "919876500002", {}),
        Act("image", Image(photo, caption="Your new glasses"), "919876500003", {}),
        Act(
            "document",
            Document("https://files.example.com/invoice-118.pdf", filename="invoice-118.pdf"),
            "919876500004",
            {},
        ),
        Act("location", Location(28.6315, 77.2167, name="Clinic", address="Connaught Place"), "919876500005", {}),
        Act(
            "buttons",
            Buttons("Will you come tomorrow at 10:30?", buttons=[Button("YES", "I will"), Button("NO", "Another day")]),
            "919876500006",
            {},
        ),
        Act("template, utility", Template("table_ready", body=["Asha", "Table 4"]), "919876500007", {}),
        Act(
            "template, marketing",
            Template("diwali_offer", body=["Asha", "20 %"], buttons=[UrlSuffix("diwali")], category="marketing"),
            "919876500008",
            {},
        ),
        Act("one-time code", code, "919876500009", {}),
        Act("text for later", Text("Your table is ready."), "919876500010", {"at": soon}),
        Act("text with a reference", Text("Payment received."), "919876500011", {"reference": "invoice-118"}),
        Act(
            "the same once more, sent once",
            Text("Payment received."),
            "919876500011",
            {"reference": "invoice-118"},
            None,
        ),
        Act("one that Chat Mitra refuses", Text("Hello!"), UNWILLING, {}, State.FAILED),
        Act("text, window closed: its template", pickup, "919876500030", {"fallback": ready}, wrote=False),
        Act("text, window closed", pickup, "919876500031", {}, State.FAILED, wrote=False),
    ]


def acquainted() -> set[str]:
    """Return the numbers whose windows must be open."""
    return {act.to for act in acts() if act.wrote and not isinstance(act.message, Template)}


def hand_over(client: Client) -> dict[str, Act]:
    """Hand over everything; return the acts by the reference of their message, or its id.

    Of two calls with one reference, the ledger keeps the id of the one that it reads first.
    """
    handed: dict[str, Act] = {}
    for act in acts():
        handle = client.send(act.message, to=act.to, **act.options)
        if act.ends:
            handed[act.options.get("reference", handle.id)] = act
    return handed


def by_key(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the messages by the keys of `hand_over`."""
    return {row["reference"] or row["id"]: row for row in rows}


def unfinished(rows: Mapping[str, Mapping[str, Any]], handed: Mapping[str, Act]) -> list[str]:
    """Return the acts whose message has not ended as expected."""
    return [act.what for key, act in handed.items() if key not in rows or rows[key]["state"] != act.ends]


def table(rows: Mapping[str, Mapping[str, Any]], handed: Mapping[str, Act]) -> Table:
    shown = Table("message", "category", "state", "tries", "why", box=None)
    for key, act in handed.items():
        row = rows.get(key, {})
        state = str(row.get("state", "in the intake"))
        why = str(row.get("reason") or "").partition(" Chat Mitra said")[0]
        shown.add_row(act.what, row.get("category", ""), styled(state), str(row.get("tries", "")), why)
    return shown


def styled(state: str) -> str:
    return _STYLE.get(state, "{}").format(state)
