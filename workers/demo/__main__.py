"""`python -m workers.demo`: start everything, run five scenarios, and report whether all ended as expected."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live

from config.environment import ROOT, bare_environment
from harkara import Client, Invalid, Text
from harkara.errors import NotFound
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.redis_client import connect
from harkara.reload_requests import ReloadRequests
from workers.demo import messages
from workers.demo.answers import Answers
from workers.demo.application import Application
from workers.demo.assistant import AssistedCustomer, rules
from workers.demo.campaign import Campaign
from workers.demo.occasions import MOVED, RULES, Occasions
from workers.sandbox_control import Sandbox

VAR = ROOT / "var" / "demo"
ASSISTANT_FILE = VAR / "assistant.toml"
PATIENCE_SECONDS = 90

console = Console()


def main() -> None:
    create_folder(VAR)
    application = Application()
    environment = _environment() | application.settings
    local = _start(environment)
    try:
        places = _places(local)
        ok = _play(places, environment, application)
    finally:
        local.send_signal(signal.SIGTERM)
        local.wait(timeout=60)
        application.close()
    if not ok:
        log = VAR / "processes.log"
        console.print(f"Not everything ended as it should: the log is {log}", style="bold red", soft_wrap=True)
    sys.exit(0 if ok else 1)


def create_folder(folder: Path) -> None:
    """Create the folder anew. That above it is for this user alone: `make up` stores the data of customers there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir()


def _environment() -> dict[str, str]:
    """Return settings for separate parts, a limit that shows within a minute, and reminders on a shortened clock."""
    reminders = VAR / "reminders.toml"
    reminders.write_text(RULES)
    ASSISTANT_FILE.touch()
    ours = {
        "HARKARA_VAR": str(VAR),
        "HARKARA_LANES_FILE": str(VAR / "lanes.toml"),
        "HARKARA_ALLOWANCE": "20/2s",
        "HARKARA_QUIET_HOURS": "",
        "HARKARA_REMINDERS_FILE": str(reminders),
        "HARKARA_ASSISTANT_FILE": str(ASSISTANT_FILE),
        "SANDBOX_LIMIT": "20/2s",
        "SANDBOX_DELIVERED_AFTER_MS": "300",
        "SANDBOX_READ_AFTER_MS": "800",
    }
    return bare_environment() | ours


def _start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start every process as `make up` does."""
    with (VAR / "processes.log").open("wb") as log:
        command = [sys.executable, "-m", "workers.local"]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def _places(local: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return where the processes listen, when they do."""
    note = VAR / "places.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("starting Valkey, sandbox, HTTP API, worker, beat and Flower …"):
        while time.monotonic() < deadline and local.poll() is None:
            if note.exists():
                places: dict[str, str] = json.loads(note.read_text())
                if Sandbox(places["Sandbox"]).answers():
                    return places
            time.sleep(0.1)
    sys.exit(f"The processes did not start: their log is {VAR / 'processes.log'}")


def _play(places: Mapping[str, str], environment: dict[str, str], application: Application) -> bool:
    web = f"{places['Web']}/docs" + (f" (token {places['Web token']})" if "Web token" in places else "")
    console.print(
        f"Console       {places['Console']}\n"
        f"Sandbox page  {places['Sandbox']}\nFlower        {places['Flower']}\nHTTP API      {web}\n",
        highlight=False,
        soft_wrap=True,
    )
    sandbox = Sandbox(places["Sandbox"])
    sandbox.switch(markers=True, retry_after=3, refuse_numbers=[messages.UNWILLING])
    database = Database(f"sqlite:///{VAR / 'harkara.db'}")
    with Client(places["Redis"]) as client:
        _wait_for_rules(client)
        _enable_assistant(places, application)
        answers = Answers(client, database, sandbox, application)
        ok = _run(client, database, environment, answers, AssistedCustomer(database, sandbox, application, environment))
    report = audit(database)
    counts, received = sandbox.counts(window=2), application.counts()
    console.print(f"\nAudit: {'clean' if report.clean else report.findings}.")
    console.print(
        f"The sandbox accepted {counts['accepted']} messages, {counts['duplicates'] or 'none'} of them twice, "
        f"and at most {counts['most_in_window']} in any 2 s.\n"
        f"The application received {received['message']} message events, {received['reminder']} answer to a reminder, "
        f"{received['contact']} opt-out and {received['conversation']} hand-over of the assistant, "
        f"and answered {len(application.lookups)} lookup."
    )
    console.print("These pages end with this demo; `make up` keeps everything running.")
    return report.clean and ok and counts["duplicates"] == 0


def _run(
    client: Client, database: Database, environment: dict[str, str], answers: Answers, assistant: AssistedCustomer
) -> bool:
    """Run all five scenarios at once; return whether each ended as expected."""
    answers.greet(messages.acquainted(), PATIENCE_SECONDS)
    handed = messages.hand_over(client)
    try:
        client.send(Text("Hello"), to="98765")
    except Invalid as error:
        console.print(f"Refused, as expected: {error}", style="dim", soft_wrap=True)
    campaign = Campaign(client, database, environment, VAR)
    for reject in campaign.start():
        console.print(f"Not in the campaign, as expected: {reject}", style="dim", soft_wrap=True)
    answers.start()
    assistant.start()
    occasions = Occasions(client, database)
    occasions.save()  # last, since their time starts now
    deadline = time.monotonic() + PATIENCE_SECONDS
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            occasions.advance()
            campaign.advance()
            answers.advance(occasions.reminders(MOVED))
            assistant.advance()
            # Ids grow with time, and the mixed set came first.
            rows = messages.by_key(list_messages(database, MessageFilter(producer="default"), limit=100))
            tables = (
                messages.table(rows, handed),
                occasions.table(),
                answers.table(),
                assistant.table(),
                campaign.table(),
            )
            live.update(Group(*(part for table in tables for part in (table, ""))))
            over = {
                "occasions": occasions.over,
                "answers": answers.over,
                "assistant": assistant.over,
                "campaign": campaign.over,
            }
            left = [*messages.unfinished(rows, handed), *(name for name, ended in over.items() if not ended)]
            if not left or time.monotonic() > deadline:
                break
            time.sleep(0.25)
    console.print(campaign.overtook or "No code overtook the campaign.")
    if left:
        console.print(f"Not as expected within {PATIENCE_SECONDS} s: {', '.join(left)}.", style="bold red")
    return not left


def _wait_for_rules(client: Client) -> None:
    """Wait until the first worker has published them for clients."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("waiting for the worker …"):
        while time.monotonic() < deadline:
            try:
                client.plan()
                return
            except NotFound:
                time.sleep(0.1)
    sys.exit(f"The worker did not start: its log is {VAR / 'processes.log'}")


def _enable_assistant(places: Mapping[str, str], application: Application) -> None:
    """Configure the assistant now that the URL of its model is known, and wait until a worker uses it."""
    ASSISTANT_FILE.write_text(rules(f"{places['Sandbox']}/v1", application.lookup_url))
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("waiting for the assistant …"), connect(places["Redis"], seconds=3) as redis:
        requests = ReloadRequests(redis)
        request = requests.request()
        while time.monotonic() < deadline:
            answers = [each for each in requests.answers(request).values() if each.kind == "worker"]
            if answers and answers[0].problem is None:
                return
            time.sleep(0.1)
    sys.exit(f"The assistant did not start: its log is {VAR / 'processes.log'}")


if __name__ == "__main__":
    main()
