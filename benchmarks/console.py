"""How long the console takes for each page of its navigation, over a ledger with a million messages."""

from __future__ import annotations

import re
import time
from http.cookiejar import CookieJar
from statistics import quantiles
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from sqlalchemy import text

from benchmarks.about import About
from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, at_most
from benchmarks.messages import recipient
from benchmarks.messages import text as text_message
from harkara.console.navigation import NAVIGATION

ABOUT = About(
    "Pages of the console",
    "An admin opens each page of the navigation and some behind them again and again, in PostgreSQL with 1,000,000 "
    "messages of the last 30 days: delivered ones, and one in 200 each that failed, is uncertain or waits. The time is "
    "from the request to the first byte of the answer, on a connection of its own.",
    "a load of messages beside it, and what a browser needs to show the page.",
)

# Their ids begin with the milliseconds of their acceptance, as those of a client do.
_COPIES = """
INSERT INTO message ({names}, id, reference, recipient, state, code, due_at, expires_at, created_at)
SELECT {names},
    'job_' || lpad(to_hex(floor(1000 * extract(epoch FROM now()))::bigint - 2592 * n::bigint), 12, '0')
        || lpad(to_hex(n), 20, '0'),
    'r' || n, (919800000000 + n % 50000)::text,
    CASE n % 200 WHEN 0 THEN 'failed' WHEN 1 THEN 'uncertain' WHEN 2 THEN 'waiting' ELSE 'delivered' END,
    CASE n % 200 WHEN 0 THEN '131026' WHEN 1 THEN 'read-timeout' END,
    now() + n * interval '100 ms', now() + interval '3 days', now() - n * interval '2592 ms'
FROM message, generate_series(1, {rows}) AS n WHERE id = :id
"""

_BEHIND = {
    "Messages that failed": "/messages?state=failed",
    "Why messages do not go on": "/messages/why",
    "A message": "/messages/r7",
    "Settings": "/health/settings",
}
"""Pages behind those of the navigation."""

_OWN = {"id", "reference", "recipient", "state", "code", "due_at", "expires_at", "created_at"}


def measure(environment: Environment, quick: bool) -> list[Figure]:
    rows, number = (10_000, 5) if quick else (1_000_000, 100)
    with environment.deploy() as deployment:
        _fill(deployment, rows)
        url = deployment.start_web()
        browser = sign_in(deployment, url)
        figures = []
        for label, path in ({entry.label: entry.path for entry in NAVIGATION} | _BEHIND).items():
            times = [first_byte(browser, f"{url}/console{path}") for _ in range(number + 1)][1:]
            p95 = quantiles(times, n=20)[-1]
            figures.append(Figure(f"page {label}, first byte, p95", "ms", [p95], at_most(100), number))
    return figures


def _fill(deployment: Deployment, rows: int) -> None:
    with deployment.client() as client:
        identity = client.send(text_message(0), to=recipient(0)).id
    with deployment.ledger.begin() as connection:
        query = text("SELECT column_name FROM information_schema.columns WHERE table_name = 'message'")
        names = sorted({name for (name,) in connection.execute(query)} - _OWN)
        connection.execute(text(_COPIES.format(names=", ".join(names), rows=rows)), {"id": identity})
    with deployment.ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE message"))


def sign_in(deployment: Deployment, url: str) -> OpenerDirector:
    """Return what opens pages as an admin."""
    done = deployment.run_command("user", "add", "Asha", "--role", "admin", "--json")
    found = re.search(r"/link/([\w-]+)", done.stdout)
    assert found, done.stderr
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    link = f"{url}/console/link/{found[1]}"
    token = re.search(r'name="token" value="(\w+)"', browser.open(link).read().decode())
    assert token
    browser.open(link, urlencode({"token": token[1]}).encode()).read()
    return browser


def first_byte(browser: OpenerDirector, url: str) -> float:
    """Return the milliseconds until the first byte of the page."""
    start = time.perf_counter()
    with browser.open(url) as answer:
        answer.read(1)
        milliseconds = 1000 * (time.perf_counter() - start)
        assert answer.url == url, "the page redirects"
        answer.read()
    return milliseconds
