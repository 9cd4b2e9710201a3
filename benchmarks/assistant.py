"""The assistant: from a customer's words to the POST of the answer, and many conversations with a slow model."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from sqlalchemy import text

from benchmarks.about import About
from benchmarks.environment import WEBHOOK_SECRET, Deployment, Environment
from benchmarks.figure import Figure, at_least, at_most, percentiles
from benchmarks.http_clients import HttpClient, Request, post_all
from benchmarks.messages import recipient
from benchmarks.resource_usage import Usage
from harkara import Template
from harness.ports import free_port
from harness.process import Process
from harness.waiting import wait_until

DEBOUNCE = 1.0
PER_SECOND = 8
PARALLEL = 32
"""Conversations that each of the two workers thinks about at once."""

ENTRIES, VARIANTS = 500, 5
MODEL_SECONDS = 2.0
CLIENTS = 8
PATIENCE = 240.0

_RULES = f"""
lanes = ["default"]
mode = "live"
debounce = "{DEBOUNCE:g}s"
parallel = {PARALLEL}
"""
_MODEL = """
[model]
url = "{url}/v1"
name = "stand-in"
prompt = "You answer for {{business}}, {{tone}}."
"""

ABOUT = About(
    "The assistant",
    "Signed webhooks of customers go to the HTTP API, and two workers answer. "
    f"FAQ: {PER_SECOND} customers a second ask what the shipped FAQ answers; a time is from just before the webhook "
    f"until the POST of the answer, without the {DEBOUNCE:g} s of the debounce. "
    f"Model: many customers ask at once what only a model answers, which takes {MODEL_SECONDS:g} s and is the "
    "sandbox; meanwhile codes are sent, one after the other. "
    f"Memory: one worker that has answered a customer, with {ENTRIES} FAQ entries of {VARIANTS} questions each, beside "
    "one with a single entry and one without the assistant.",
    "what a real model takes and says, lookups, and the network. The sandbox uses the same two cores.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    answered, conversations = (40, 50) if quick else (1_000, 1_000)
    return [*_faq(environment, answered), *_model(environment, conversations), *_memory(environment)]


def _faq(environment: Environment, number: int) -> list[Figure]:
    """Return the times of answers from the FAQ."""
    asked: dict[str, float] = {}
    with _deploy(environment, "") as deployment:
        caller = HttpClient(deployment.start_web())
        deployment.start_workers()
        start = time.monotonic()
        for n in range(-PER_SECOND, number):  # the first second opens the connections
            time.sleep(max(0.0, start + (n + PER_SECOND) / PER_SECOND - time.monotonic()))
            customer = recipient(n + PER_SECOND)
            asked |= {customer: time.time()} if n >= 0 else {}
            caller.post(_question(customer, "kab khulta hai"))
        wait_until(lambda: asked.keys() <= deployment.api.arrivals().keys(), PATIENCE, "every question is answered")
        arrivals = deployment.api.arrivals()
        deployment.check()
    seconds = [arrivals[customer] - at - DEBOUNCE for customer, at in asked.items()]
    highest = 1000 * quantiles(seconds, n=20, method="inclusive")[18]
    return [
        *percentiles("answer from the FAQ, beyond the debounce", seconds, p50=None, p99=None),
        Figure("answer from the FAQ, beyond the debounce, p95", "ms", [highest], at_most(300), number),
    ]


def _model(environment: Environment, number: int) -> list[Figure]:
    """Return how many conversations with the model are answered, how long they wait, and how long codes take."""
    with _sandbox(environment) as url, _deploy(environment, _MODEL.format(url=url)) as deployment:
        web = deployment.start_web()
        deployment.start_workers()
        before = _codes(deployment, number, 10)
        asked = time.time()
        post_all(web, [_question(recipient(n), "Do you sell elephants?") for n in range(number)], CLIENTS)
        meanwhile = _codes(deployment, number + 10, 20)
        wait_until(lambda: _turns(deployment) >= number, PATIENCE, "every conversation has its turn", interval=0.1)
        customers = {recipient(n) for n in range(number)}
        wait_until(lambda: customers <= deployment.api.arrivals().keys(), PATIENCE, "every conversation is answered")
        arrivals = deployment.api.arrivals()
        deployment.check()
    waits = sorted(arrivals[customer] - asked for customer in customers)
    ideal = 2 * PARALLEL / MODEL_SECONDS
    what = f"{number:,} conversations at once, model of {MODEL_SECONDS:g} s"
    return [
        Figure(f"{what}: turns", "/s", [number / (waits[-1] - DEBOUNCE)], at_least(round(0.8 * ideal, 1)), number),
        Figure(f"{what}: longest wait for the answer", "s", [waits[-1]], at_most(45), number),
        Figure("a code on the idle system, p50", "s", [median(before)], None, len(before)),
        Figure("a code while the model is asked, p50", "s", [median(meanwhile)], None, len(meanwhile)),
        Figure("a code while the model is asked, worst of all", "s", [max(meanwhile)], at_most(1), len(meanwhile)),
    ]


def _memory(environment: Environment) -> list[Figure]:
    """Return how much more memory a worker uses for the assistant, and for a large FAQ."""
    without, one, many = (_megabytes(environment, entries) for entries in (0, 1, ENTRIES))
    what = f"memory of a worker with {ENTRIES} FAQ entries"
    return [
        Figure("memory of a worker without the assistant", "MB", [without], None, 1),
        Figure(f"{what}, beyond one without the assistant", "MB", [many - without], at_most(40), 1),
        Figure(f"{what}, beyond one with a single entry", "MB", [many - one], at_most(10), 1),
    ]


def _megabytes(environment: Environment, entries: int) -> float:
    """Return the memory of a worker that has answered a customer; without entries it has no assistant."""
    faq = environment.folder / "faq.toml"
    faq.write_text("".join(map(_entry, range(entries))), encoding="utf-8")
    with _deploy(environment, "", lanes=bool(entries), HARKARA_FAQ_FILE=str(faq)) as deployment:
        caller = HttpClient(deployment.start_web())
        (worker,) = deployment.start_workers(1)
        customer = recipient(0)
        if entries:
            caller.post(_question(customer, _asked(0, 0)))
            wait_until(lambda: customer in deployment.api.arrivals(), PATIENCE, "the question is answered")
        else:
            caller.post(_question(customer, "STOP"))
            wait_until(lambda: _opted_out(deployment), PATIENCE, "the message is applied")
        return Usage.now([worker.popen.pid]).megabytes


def _entry(number: int) -> str:
    """Return an entry whose questions have words of their own, as those of a large shop have."""
    questions = ", ".join(f'"{_asked(number, variant)}"' for variant in range(VARIANTS))
    answer = f"The answer to question {number} has about as many words as the answers of a shop do."
    return f'[[entry]]\nid = "entry-{number}"\nquestions = [{questions}]\nanswer = "{answer}"\n'


def _asked(number: int, variant: int) -> str:
    word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}")
    return f"How {('long', 'much', 'often', 'far', 'soon')[variant]} does the gadget {word}kal{variant}zor take?"


def _opted_out(deployment: Deployment) -> bool:
    with deployment.ledger.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM consent")).scalar_one())


def _codes(deployment: Deployment, first: int, number: int) -> list[float]:
    """Send codes one after the other; return the seconds from each call to its POST."""
    called: dict[str, float] = {}
    with deployment.client() as client:
        for n in range(first, first + number):
            to = recipient(n)
            code = Template("login_code", body=[f"{100_000 + n}"], category="authentication")
            called[to] = time.time()
            client.send(code, to=to)
            time.sleep(0.5)
    wait_until(lambda: called.keys() <= deployment.api.arrivals().keys(), PATIENCE, "every code is sent")
    arrivals = deployment.api.arrivals()
    return [arrivals[to] - at for to, at in called.items()]


def _turns(deployment: Deployment) -> int:
    with deployment.ledger.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM turn")).scalar_one())


def _question(customer: str, words: str) -> Request:
    """Return the signed webhook of a customer's message."""
    event = {
        "event": "message.received",
        "message_id": f"wamid.in-{customer}",
        "direction": "inbound",
        "from": customer,
        "to": "919800000000",
        "timestamp": int(time.time()),
        "message": {"type": "text", "text": words},
    }
    body = json.dumps(event).encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Request("/webhooks/chatmitra", body, {"X-Webhook-Signature": signature})


@contextmanager
def _deploy(environment: Environment, model: str, *, lanes: bool = True, **settings: str) -> Iterator[Deployment]:
    """Deploy Harkara with the assistant, or with one that is off."""
    rules = environment.folder / "assistant.toml"
    rules.write_text(_RULES + model if lanes else "")
    settings |= {"CHATMITRA_WEBHOOK_SECRET": WEBHOOK_SECRET, "HARKARA_ASSISTANT_FILE": str(rules)}
    with environment.deploy(**settings) as deployment:  # type: ignore[arg-type]  # no setting is named like an option
        yield deployment


@contextmanager
def _sandbox(environment: Environment) -> Iterator[str]:
    """Run the sandbox as the language model; yield its URL."""
    port = free_port()
    settings = {"SANDBOX_PORT": str(port), "SANDBOX_MODEL_LATENCY_MS": f"{1000 * MODEL_SECONDS:.0f}"}
    command = [sys.executable, "-m", "workers.sandbox"]
    process = Process.start("sandbox", command, settings, environment.folder)
    try:
        process.wait_for_output(str(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
