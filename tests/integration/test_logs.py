"""Events of Harkara and records of libraries are lines of one form, masked, and never an error for their process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness.python import run_code

SCRIPT = """
import logging, sys, structlog
from config import logs
logs.set_up()
structlog.get_logger("harkara.here").info("call of 919876543210", token="Bearer abc", n=1)
structlog.get_logger("harkara.here").debug("not shown")
logging.getLogger("library").warning("sent to %s", "919876543210")
logging.getLogger("library").warning('{"to":919876543210} tel:919876543210 user_919876543210: took 0.123456789012 s')
sys.stderr.close()
structlog.get_logger("harkara.here").error("written nowhere")
print("still alive")
"""


def test_events_and_records_have_one_form_and_a_closed_stderr_fails_nothing(tmp_path: Path) -> None:
    settings = {"HARKARA_LOG_FORMAT": "json", "HARKARA_LOG_LEVEL": "INFO", "HARKARA_VAR": str(tmp_path)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HARKARA_")}
    done = run_code(SCRIPT, inherited | settings)
    assert (done.returncode, done.stdout) == (0, "still alive\n"), done.stderr
    ours, library, compact = (json.loads(line) for line in done.stderr.splitlines())
    assert ours.keys() - library.keys() == {"token", "n"}
    assert (ours["event"], ours["logger"], ours["level"]) == ("call of ***", "harkara.here", "info")
    assert (ours["token"], ours["n"]) == ("Bearer ***", 1)
    assert (library["event"], library["logger"], library["level"]) == ("sent to ***", "library", "warning")
    assert compact["event"] == '{"to":***} tel:*** user_***: took 0.123456789012 s'
