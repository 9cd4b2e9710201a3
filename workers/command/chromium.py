"""Print a page to PDF by the Chromium or Chrome of this machine, which shapes every script of India."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harkara.errors import Invalid

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60
_QUIET = ("--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer")


def print_to_pdf(html: str) -> bytes:
    """Return the page as PDF. Raises Invalid for the option `pdf` if there is no browser or it fails."""
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        raise Invalid("pdf", "needs Chromium or Chrome: install one, or print the file of --html in any browser")
    with tempfile.TemporaryDirectory(prefix="harkara-proof-") as folder:  # only this user can read it
        page, pdf = Path(folder, "proof.html"), Path(folder, "proof.pdf")
        page.write_text(html, encoding="utf-8")
        command = [browser, *_QUIET, f"--user-data-dir={folder}/profile", f"--print-to-pdf={pdf}", page.as_uri()]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # which Chromium refuses to build for root
        try:
            subprocess.run(command, check=True, timeout=_SECONDS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return pdf.read_bytes()
        except (OSError, subprocess.SubprocessError):
            raise Invalid("pdf", "could not be printed: print the file of --html in any browser") from None
