"""`make demo`: the main job from end to end on embedded parts; ends by itself."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from config.settings import ROOT, process_environment
from harkara import (
    Button,
    Buttons,
    Client,
    CopyCode,
    Document,
    Image,
    Invalid,
    Location,
    Message,
    Template,
    Text,
    UrlSuffix,
)
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.read import listing
from harkara.states import DONE, State

VAR = ROOT / "var" / "demo"
PATIENCE_SECONDS = 90
UNWILLING = "919876500013"
"""The number whose messages the sandbox refuses."""

UNAVAILABLE = "919000000503"
"""The number whose first message the sandbox answers with HTTP 503."""

_STYLE = {"accepted": "[green]{}[/]", "failed": "[red]{}[/]", "waiting": "[yellow]{}[/]", "uncertain": "[magenta]{}[/]"}

console = Console()


@dataclass(frozen=True, slots=True)
class Act:
    """One message of the demo, and what should become of it."""

    what: str
    message: Message
    to: str
    options: dict[str, Any]
    ends: State | None = State.ACCEPTED


def main() -> None:
    shutil.rmtree(VAR, ignore_errors=True)
    VAR.mkdir(parents=True)
    local = _start()
    try:
        places = _places(local)
        ok = _play(places)
    finally:
        local.send_signal(signal.SIGTERM)
        local.wait(timeout=60)
    if not ok:
        console.print(f"Not everything ended as it should: the log is {VAR / 'processes.log'}", style="bold red")
    sys.exit(0 if ok else 1)


def acts() -> list[Act]:
    """A mixed set: every kind, a code that overtakes, one for later, one that meets a 503, one that is refused."""
    soon = datetime.now(UTC) + timedelta(seconds=12)
    photo = "https://res.cloudinary.com/demo/image/upload/sample.jpg"
    code = Template("otp_verification", body=["482913"], buttons=[CopyCode("482913")], category="authentication")
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
        Act(
            "template, utility", Template("appointment_reminder", body=["Asha", "Dr Rao", "10:30"]), "919876500007", {}
        ),
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
    ]


def _start() -> subprocess.Popen[bytes]:
    """Everything as `make up` starts it, on parts of its own and at a limit that shows within a minute."""
    ours = {
        "HARKARA_VAR": str(VAR),
        "HARKARA_REDIS_URL": "",
        "HARKARA_DATABASE_URL": "",
        "REDIS_URL": "",
        "DATABASE_URL": "",
        "CHATMITRA_API_TOKEN": "",
        "HARKARA_ALLOWANCE": "20/20s",
        "HARKARA_QUIET_HOURS": "",
        "SANDBOX_LIMIT": "20/20s",
    }
    with (VAR / "processes.log").open("wb") as log:
        command = [sys.executable, "-m", "workers.local"]
        return subprocess.Popen(command, cwd=ROOT, env=process_environment() | ours, stdout=log, stderr=log)


def _places(local: subprocess.Popen[bytes]) -> dict[str, str]:
    """Where the processes listen, once they do."""
    note = VAR / "places.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("starting Valkey, sandbox, worker, beat and Flower …"):
        while time.monotonic() < deadline and local.poll() is None:
            if note.exists():
                places: dict[str, str] = json.loads(note.read_text())
                if _answers(places["Sandbox"] + "/healthz"):
                    return places
            time.sleep(0.1)
    sys.exit(f"The processes did not start: their log is {VAR / 'processes.log'}")


def _play(places: Mapping[str, str]) -> bool:
    sandbox = places["Sandbox"]
    console.print(f"Sandbox page  {sandbox}\nFlower        {places['Flower']}\n", highlight=False)
    _call(f"{sandbox}/_sandbox/faults", {"markers": True, "retry_after": 3, "refuse_numbers": [UNWILLING]})
    with Client(places["Redis"]) as client:
        handed = _hand_over(client)
    database = Database(f"sqlite:///{VAR / 'harkara.db'}")
    rows = _watch(database, handed)
    report = audit(database)
    counts = _call(f"{sandbox}/_sandbox/counts")
    console.print(
        f"\nAudit: {'clean' if report.clean else report.findings}. The sandbox accepted {counts['accepted']} messages, "
        f"none of them twice, and at most {counts['most_in_window']} in any 20 s."
        if counts["duplicates"] == 0
        else f"\nThe sandbox accepted {counts['duplicates']} messages twice."
    )
    console.print("Both pages end with this demo; `make up` keeps everything running.")
    as_expected = {identity: row["state"] for identity, row in rows.items()} == {
        i: act.ends for i, act in handed.items()
    }
    return report.clean and as_expected and counts["duplicates"] == 0


def _hand_over(client: Client) -> dict[str, Act]:
    """Hands everything over; returns the acts by the id of their message."""
    handed: dict[str, Act] = {}
    for act in acts():
        handle = client.send(act.message, to=act.to, **act.options)
        if act.ends:
            handed[handle.id] = act
    try:
        client.send(Text("Hello"), to="98765")
    except Invalid as error:
        console.print(f"Refused at the door, as it should be: {error}\n", style="dim", soft_wrap=True)
    return handed


def _watch(database: Database, handed: Mapping[str, Act]) -> dict[str, dict[str, Any]]:
    """Shows the ledger until every message is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            rows = {row["id"]: row for row in listing(database)}
            live.update(_table(rows, handed))
            done = sum(row["state"] in DONE for row in rows.values())
            if done == len(rows) == len(handed) or time.monotonic() > deadline:
                return rows
            time.sleep(0.25)


def _table(rows: Mapping[str, Mapping[str, Any]], handed: Mapping[str, Act]) -> Table:
    table = Table("message", "category", "state", "tries", "why", box=None)
    for identity, act in handed.items():
        row = rows.get(identity, {})
        state = str(row.get("state", "in the intake"))
        why = str(row.get("reason") or "").partition(" Chat Mitra said")[0]
        styled = _STYLE.get(state, "{}").format(state)
        table.add_row(act.what, row.get("category", ""), styled, str(row.get("tries", "")), why)
    return table


def _answers(url: str) -> bool:
    try:
        return bool(_call(url))
    except OSError:
        return False


def _call(url: str, change: dict[str, Any] | None = None) -> Any:
    """The sandbox's own door; GET, or PATCH with a change."""
    data = json.dumps(change).encode() if change else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method="PATCH" if data else "GET")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
