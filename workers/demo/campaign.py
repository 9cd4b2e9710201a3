"""Scenario 3: a campaign to 200 people from a spreadsheet, which a one-time code overtakes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.progress_bar import ProgressBar
from rich.table import Table

from config.environment import ROOT
from harkara import Client
from harkara.campaigns.spreadsheet import CsvWriter
from harkara.campaigns.status import CampaignProgress
from harkara.errors import NotFound
from harkara.ledger.campaigns.queries import get_progress, list_campaigns
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.states import CampaignState
from workers.demo.messages import GONE

PEOPLE = 200
PHOTO = "https://res.cloudinary.com/demo/image/upload/sample.jpg"
HALF_WAY = PEOPLE // 4

_PARAMETERS = ("collection:=Diwali", "new_items:=12", "offer:=20 %", f"image:={PHOTO}", "customer=Name", "to=Mobile")


class Campaign:
    """Load and start a campaign by the command, and send a one-time code in the middle of it."""

    def __init__(self, client: Client, database: Database, environment: Mapping[str, str], folder: Path) -> None:
        self._client = client
        self._database = database
        self._environment = dict(environment)
        self._sheet = folder / "diwali.csv"
        self._code: str | None = None
        self._code_at = 0.0
        self.overtook: str | None = None
        """The sentence about the code, when it has been sent."""

    def start(self) -> list[str]:
        """Load and start it; return what the command printed about rejected rows."""
        self._write_sheet()
        mapped = [word for each in _PARAMETERS for word in ("--map", each)]
        said = self._harkara("new", str(self._sheet), "--template", "promotional_broadcast", "--opted-in", *mapped)
        self._harkara("start", "diwali")
        return [line.strip() for line in said.splitlines() if line.strip().startswith("row ")]

    def advance(self) -> None:
        """Send a code when a quarter of the campaign has been sent."""
        if self._code is None and self._sent() >= HALF_WAY:
            self._code_at = time.time()
            self._code = self._client.send_template(
                "otp_verification", to="919876500099", code="907151", minutes="5", purpose="your visit"
            ).id
        elif self._code and not self.overtook:
            self._check_code(self._code)

    @property
    def over(self) -> bool:
        found = self._found()
        done = found is not None and found.state is CampaignState.FINISHED and found.by_state == {"read": PEOPLE}
        return done and self.overtook is not None

    def table(self) -> Table:
        found = self._found()
        shown = Table("campaign", "state", "sent", "", box=None)
        if found:
            bar = ProgressBar(total=PEOPLE, completed=self._sent(), width=40)
            shown.add_row(found.name, found.state, f"{self._sent()} of {found.audience}", bar)
        return shown

    def _check_code(self, code: str) -> None:
        try:
            attempts = get_status(self._database, code).attempts
        except NotFound:  # it is still in the intake
            return
        if attempts and attempts[0].outcome == "accepted":
            seconds = attempts[0].started_at.timestamp() - self._code_at
            waiting = PEOPLE - self._sent()
            self.overtook = (
                f"A one-time code overtook {waiting} messages of the campaign: it left after {seconds:.2f} s."
            )

    def _found(self) -> CampaignProgress | None:
        known = list_campaigns(self._database)
        return get_progress(self._database, known[0].id) if known else None

    def _sent(self) -> int:
        found = self._found()
        return sum(number for state, number in found.by_state.items() if state in GONE) if found else 0

    def _write_sheet(self) -> None:
        """Write the file as a spreadsheet does: semicolons, a byte order mark, and a number that it rounded."""
        with self._sheet.open("w", encoding="utf-8-sig", newline="") as file:
            sheet = CsvWriter(file, delimiter=";")
            sheet.write(["Mobile", "Name"])
            for n in range(PEOPLE):
                sheet.write([f"98{n:08}", f"Customer {n}"])
            sheet.write(["9.19876E+11", "Rounded"])

    def _harkara(self, *words: str) -> str:
        command = [sys.executable, "-m", "harkara", "campaign", *words]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise SystemExit(f"harkara campaign {words[0]} failed: {done.stderr or done.stdout}")
        return done.stdout
