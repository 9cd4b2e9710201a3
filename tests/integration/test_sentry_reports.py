"""Reports to Sentry say which error happened and where, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.python import run_code
from tests.integration.callbacks.application import http_server

NUMBER, CODE, WORD, TOKEN = "919811122233", "73915482", "marzipan", "a-token-of-nougat"
CANARIES = (NUMBER, NUMBER[2:], CODE, WORD, TOKEN)

ERRORS = f"""
import logging, sys, threading
import structlog
from config import logs
from config.error_reports import close_reports
logs.set_up()
log = structlog.get_logger("harkara.delivery.sender")

class Problem(Exception):
    "An error of the test."

def fail(number="{NUMBER}", text="{WORD} for {CODE}"):
    parameters = [number, text]
    raise Problem(f"{{number}}: {{text}}")

log.info("message accepted", action="accepted", to="{NUMBER}")
try:
    fail()
except Problem as error:
    log.error("message not prepared", action="prepare_failed", id="job_" + "0" * 31 + "7", error="Problem",
              lane="default", to="{NUMBER}", why=str(error))
    log.error("message not sent", action="send_failed", error=str(error), id="{CODE}", lane="{WORD} {CODE}")
    logging.getLogger("celery.app.trace").error("Task %s raised: %s", "{TOKEN}", error, exc_info=True)
thread = threading.Thread(target=fail, name="{WORD}")
thread.start()
thread.join()
close_reports()
"""


@contextmanager
def sentry(bodies: list[bytes]) -> Iterator[str]:
    """Serve a project of Sentry; yield its DSN."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with http_server(Handler, 0, None) as port:
        yield f"http://key@127.0.0.1:{port}/1"


def run(script: str, dsn: str, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {"HARKARA_SENTRY_DSN": dsn, "HARKARA_VAR": str(folder), "HARKARA_ENV_FILE": os.devnull}
    return run_code(script, os.environ | settings)


def test_a_report_has_the_error_and_its_place_and_nothing_of_a_message(tmp_path: Path) -> None:
    bodies: list[bytes] = []
    with sentry(bodies) as dsn:
        done = run(ERRORS, dsn, tmp_path)
    assert done.returncode == 0, done.stderr
    assert WORD in done.stderr  # the log has it; it shows no number and no code
    reports = [json.loads(line) for body in bodies for line in body.splitlines() if b'"exception"' in line]
    shown = b"\n".join(bodies).decode()
    assert [canary for canary in CANARIES if canary in shown] == []
    assert [each.get("message") for each in reports] == [
        "message not prepared",
        "message not sent",
        "a library reports an error",
        None,
    ]
    first, second, library, _ = reports
    assert first["tags"] == {
        "action": "prepare_failed",
        "error": "Problem",
        "id": "job_" + "0" * 31 + "7",
        "lane": "default",
    }
    assert second["tags"] == {"action": "send_failed"}
    assert library["logger"] == "celery.app.trace"
    for report in reports:
        (raised,) = report["exception"]["values"]
        assert (raised["type"], raised["stacktrace"]["frames"][-1]["function"]) == ("Problem", "fail")
        assert set(raised) == {"type", "module", "stacktrace"}


@pytest.mark.parametrize("dsn", ["marzipan", "http://key@127.0.0.1"])
def test_a_wrong_dsn_is_refused_without_its_value(tmp_path: Path, dsn: str) -> None:
    done = run("from config import logs; logs.set_up()", dsn, tmp_path)
    assert done.returncode == 1
    assert "HARKARA_SENTRY_DSN is no DSN of Sentry: copy it from the settings of the project" in done.stderr
    assert dsn not in done.stderr
