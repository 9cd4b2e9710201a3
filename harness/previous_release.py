"""The release before this one, as its files: from the history of the repository, in a folder of its own."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from harkara.ledger.previous_release import COMMIT
from harness.process import ROOT, Process


class HistoryUnavailable(Exception):
    """The repository has no history, such as a shallow clone or an archive of the source."""


@dataclass(frozen=True, slots=True)
class PreviousRelease:
    """The files of the release `name`, which is a tag or a commit."""

    name: str
    folder: Path

    @property
    def newest_migration(self) -> str:
        paths = (self.folder / "harkara" / "ledger" / "migrations" / "versions").glob("[0-9]*_*.py")
        return max(path.name for path in paths).partition("_")[0]

    @property
    def missing_packages(self) -> list[str]:
        """The packages that it needs everywhere and this environment lacks. Newer versions count as the same."""
        needed = re.findall(r"^([\w.-]+)==\S+ \\$", (self.folder / "requirements.lock").read_text(), re.MULTILINE)
        installed = {canonical(each.name) for each in distributions()}
        return [name for name in needed if canonical(name) not in installed]

    def start(self, name: str, arguments: list[str], settings: Mapping[str, str], folder: Path) -> Process:
        """Start `python -m ARGUMENTS` of the release in the environment of this one."""
        return Process.start(name, [sys.executable, "-m", *arguments], settings, folder, root=self.folder)


def previous_release(folder: Path) -> PreviousRelease:
    """Write the files into the folder: of the newest tag before HEAD, otherwise of the commit that is written down.

    Raises HistoryUnavailable.
    """
    name = _git("describe", "--tags", "--abbrev=0", "HEAD^").decode().strip() or COMMIT
    archive = _git("archive", "--format=tar", name)
    if not archive:
        raise HistoryUnavailable(f"this clone lacks {name[:12]}, the previous release: fetch the whole history")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return PreviousRelease(name, folder)


def canonical(name: str) -> str:
    """Return the name of a package as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _git(*arguments: str) -> bytes:
    """Return the output of a command, empty if it fails."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout
    except (subprocess.CalledProcessError, FileNotFoundError):
        return b""
