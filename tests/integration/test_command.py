"""The `harkara` command: mostly in this process over a real ledger, and as the process that people start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text
from typer.testing import CliRunner, Result

from config.settings import ROOT, process_environment, settings
from harkara.defaults import DEADLINES
from harkara.ledger import migrate
from harkara.ledger.accept import accept
from harkara.ledger.claim import claim
from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.operate import cancel
from harkara.ledger.read import counts, status
from harkara.ledger.record import Begin, Finish, begin, finish
from harkara.messages import CopyCode, Document, Envelope, Image, Message, QuickReply, Template, Text, UrlSuffix
from harkara.outcomes import Outcome, Refused, Uncertain
from harkara.states import State
from tests.services import Server
from workers.command import app

NUMBER = "919876543210"
LATER = datetime.now(UTC) + timedelta(hours=2)

Harkara = Callable[..., Result]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A deployment with one lane, whose Redis does not answer."""
    return {
        "HARKARA_DATABASE_URL": f"sqlite:///{tmp_path / 'harkara.db'}",
        "HARKARA_REDIS_URL": "redis://127.0.0.1:1/0",
        "HARKARA_LANES_FILE": str(tmp_path / "lanes.toml"),
        "HARKARA_LANE_TOKENS": "shop:secret",
        "CHATMITRA_API_TOKEN": "secret",
        "NO_COLOR": "1",
    }


@pytest.fixture
def ledger(environment: dict[str, str]) -> Iterator[Database]:
    db = Database(environment["HARKARA_DATABASE_URL"])
    migrate.upgrade(db)
    yield db
    db.close()


@pytest.fixture
def harkara(environment: dict[str, str]) -> Iterator[Harkara]:
    """Runs one command line in this process, on the settings of the test."""

    def run(*words: str, stdin: str | None = None) -> Result:
        settings.cache_clear()
        return CliRunner(env=environment).invoke(app, words, input=stdin, catch_exceptions=False)

    yield run
    settings.cache_clear()


def start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harkara", *words],
        cwd=ROOT,
        env=process_environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    with start(environment, *words) as process:
        out, err = process.communicate(timeout=90)
    return process.returncode, out, err


def keep(db: Database, message: Message | None = None, **options: Any) -> str:
    """A message in the ledger, due in two hours."""
    envelope = Envelope(to=NUMBER, messages=[message or Text("Hello")], **{"at": LATER} | options)
    accept(db, [envelope], deadlines=DEADLINES, queued_seconds=10, direct=False)
    return envelope.id


def attempted(db: Database, outcome: Outcome) -> str:
    """A message that was POSTed once, with this outcome."""
    identity = keep(db, at=None)
    claimed = claim(db, [identity], lease_seconds=10)[0]
    with db.write() as tx:
        begin(tx, [Begin(claimed, "test", "passed", 10)])
    with db.write() as tx:
        finish(tx, [Finish.of(claimed, outcome, posted=True)])
    return identity


def listed(db: Database) -> list[str]:
    with db.read() as tx:
        return list(tx.execute(text("SELECT id FROM message")).scalars())


# send


def test_a_message_sent_by_the_command_is_in_the_ledger_and_its_hint_in_redis(
    ledger: Database, environment: dict[str, str], redis_server: Server
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    code, out, err = run(environment, "send", "98765 43210", "Your order is ready", "--reference", "o1")
    assert (code, err) == (0, "")
    assert status(ledger, out.strip())["state"] == State.QUEUED
    with redis.Redis.from_url(redis_server.url) as connection:
        assert connection.llen("harkara.urgent") == 1

    code, out, err = run(environment, "send", NUMBER, "Another text", "--reference", "o1", "--json")
    assert (code, err) == (4, "")
    assert json.loads(out)["error"]["type"] == "Conflict"
    assert counts(ledger) == {"default": {"queued": 1}}


def test_a_message_is_kept_when_redis_is_away_and_stdout_holds_the_id_alone(
    ledger: Database, environment: dict[str, str]
) -> None:
    code, out, err = run(environment, "send", NUMBER, "Your order is ready", "--wait", "0.1")
    assert out == f"{listed(ledger)[0]}\n"
    assert code == 1  # nobody knows its outcome yet
    assert "Redis does not take hints" in err
    assert "Not known after 0.1 s; it is kept" in err
    assert NUMBER not in err


def test_waiting_for_the_outcome_tells_each_change_on_stderr_and_ends_with_it(
    ledger: Database, environment: dict[str, str]
) -> None:
    with start(environment, "send", NUMBER, "Hello", "--at", "+1h", "--wait", "60", "--json") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        cancel(ledger, listed(ledger), by="the test")
        out, err = process.communicate(timeout=60)
    told = json.loads(out)
    assert (process.returncode, told["state"], told["new"]) == (1, "cancelled", True)
    assert err == "cancelled: cancelled by the test\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Ready"], Text("Ready")),
        (
            ["--image", "https://example.com/a.jpg", "--caption", "Look"],
            Image("https://example.com/a.jpg", caption="Look"),
        ),
        (
            ["--document", "https://example.com/a.pdf", "--filename", "Bill.pdf"],
            Document("https://example.com/a.pdf", filename="Bill.pdf"),
        ),
        (
            ["--template", "visit", "--param", "Asha", "--param", "10:30", "--header", "Clinic", "--language", "hi"],
            Template("visit", "hi", header="Clinic", body=["Asha", "10:30"]),
        ),
        (
            [
                "--template",
                "visit",
                "--header-image",
                "https://example.com/a.png",
                "--quick-reply",
                "Y",
                "--quick-reply",
                "N",
            ],
            Template("visit", header=Image("https://example.com/a.png"), buttons=[QuickReply("Y"), QuickReply("N")]),
        ),
        (
            ["--template", "visit", "--url-suffix", "1:a/1", "--quick-reply", "0:Y"],
            Template("visit", buttons=[QuickReply("Y", index=0), UrlSuffix("a/1", index=1)]),
        ),
        (
            ["--template", "login", "--param", "123456", "--copy-code", "123456", "--category", "authentication"],
            Template("login", body=["123456"], buttons=[CopyCode("123456")], category="authentication"),
        ),
    ],
)
def test_a_dry_run_prints_the_exact_body_and_needs_no_service(
    harkara: Harkara, environment: dict[str, str], words: list[str], message: Message
) -> None:
    environment["HARKARA_DATABASE_URL"] = "postgresql://127.0.0.1:1/nowhere"
    result = harkara("send", NUMBER, *words, "--dry-run")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == Envelope(to=NUMBER, messages=[message]).body_json() + "\n"


def test_a_request_of_chat_mitra_is_read_from_stdin_and_the_named_number_wins(harkara: Harkara) -> None:
    body = {"recipient_mobile_number": "14155550100", "message": "Hello", "altTexts": {"$name": "Guest"}}
    result = harkara("send", "98765-43210", "--json-file", "-", "--dry-run", "--json", stdin=json.dumps(body))
    assert json.loads(result.stdout)["body"] == body | {"recipient_mobile_number": NUMBER}


def test_a_text_is_read_from_stdin_without_its_last_line_break(harkara: Harkara) -> None:
    result = harkara("send", NUMBER, "-", "--alt", "$name=A=B", "--dry-run", "--json", stdin="One\nTwo\n")
    assert json.loads(result.stdout)["body"]["message"] == "One\nTwo"
    assert json.loads(result.stdout)["body"]["altTexts"] == {"$name": "A=B"}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([], "TEXT: give a text"),
        (["Hello", "--image", "https://example.com/a.jpg"], "--image: is a message of its own, beside TEXT"),
        (["Hello", "--caption", "Look"], "--caption: belongs to --image or --video or --document"),
        (["--template", "visit", "--quick-reply", "Y", "--url-suffix", "a"], "--quick-reply: write its place"),
        (["--template", "visit", "--header", "A", "--header-image", "B"], "--header-image: a template has one header"),
        (["Hello", "--alt", "name"], "--alt: write it as"),
        (["Hello", "--at", "tomorrow"], "'--at': write 2026-"),
        (["Hello", "--expires", "2026-11-24T09:00"], "'--expires': has no time zone"),
        (["--json-file", "/nonexistent"], "--json-file: cannot be read"),
        (["Hello", "--priority", "9"], "'--priority'"),
    ],
)
def test_options_that_do_not_fit_are_a_wrong_usage_with_the_next_step(
    harkara: Harkara, words: list[str], hint: str
) -> None:
    result = harkara("send", NUMBER, *words, "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["type"]) == (2, "Usage")
    assert hint in error["message"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["Your code *123456*"], "body: no asterisk"),
        (["Hello", "--lane", "hotel"], "lane: is not configured; configured are default, shop"),
        (["--json-file", "-"], "body: must be one JSON object"),
    ],
)
def test_a_refused_message_names_the_rule_and_stores_nothing(
    harkara: Harkara, ledger: Database, words: list[str], rule: str
) -> None:
    result = harkara("send", NUMBER, *words, stdin="[")
    assert (result.exit_code, result.stdout) == (4, "")
    assert rule in result.stderr
    assert "123456" not in result.stderr
    assert counts(ledger) == {}


# status and list


def test_the_status_of_a_waiting_message_says_when_it_goes_and_how_to_stop_it(
    harkara: Harkara, ledger: Database
) -> None:
    identity = keep(ledger, reference="o1")
    result = harkara("status", "o1")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{identity}  waiting\n")
    assert f"`harkara cancel {identity}` stops it" in result.stdout
    assert "accepted here" in result.stdout
    assert NUMBER[2:] not in result.stdout


def test_the_status_of_a_cancelled_message_says_who_did_it(harkara: Harkara, ledger: Database) -> None:
    identity = keep(ledger)
    assert harkara("cancel", identity, "--by", "Asha").stdout == f"{identity}  cancelled\n"
    found = json.loads(harkara("status", identity, "--json").stdout)
    assert (found["state"], found["reason"], found["next"]) == ("cancelled", "cancelled by Asha", None)
    assert [line["event"] for line in found["trace"]] == ["accepted here", "cancelled"]


def test_an_unknown_message_ends_with_3(harkara: Harkara, ledger: Database) -> None:
    result = harkara("status", "o1", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "error": {"type": "NotFound", "message": "no message has this id or reference"}
    }


def test_a_message_behind_a_parked_lane_is_told_how_to_let_it_go(harkara: Harkara, ledger: Database) -> None:
    identity = keep(ledger)
    assert harkara("lanes", "park", "default", "--reason", "Wrong price.").exit_code == 0
    assert "Lane default is parked: Wrong price. `harkara lanes unpark default`" in harkara("status", identity).stdout


def test_the_words_of_chat_mitra_cannot_steer_the_terminal(harkara: Harkara, ledger: Database) -> None:
    identity = attempted(ledger, Refused("x", "\x1b[2Jgone [red]", "Ask support.", 400))
    told = harkara("status", identity).stdout
    assert "\x1b" not in told
    assert "[2Jgone [red]" in told


def test_the_list_finds_messages_by_every_filter_and_shows_no_number(harkara: Harkara, ledger: Database) -> None:
    first = keep(ledger, reference="o1")
    second = keep(ledger, Template("visit", body=["Asha"]), lane="shop", producer="app")
    third = attempted(ledger, Uncertain("timeout", "No answer came.", None))
    for words, expected in (
        ([], [third, second, first]),
        (["--state", "waiting", "--state", "uncertain"], [third, second, first]),
        (["--state", "uncertain"], [third]),
        (["--lane", "shop"], [second]),
        (["--template", "visit", "--producer", "app"], [second]),
        (["--reference", "o1"], [first]),
        (["--to", "+91 98765-43210", "--code", "timeout"], [third]),
        (["--to", "+91 98765-43211"], []),
        (["--since", "-1h", "--limit", "2"], [third, second]),
        (["--before", second], [first]),
        (["--until", "-1h"], []),
        (["--flagged"], []),
    ):
        shown = json.loads(harkara("list", *words, "--json").stdout)
        assert [message["id"] for message in shown["messages"]] == expected, words
    for_people = harkara("list", "--limit", "2")
    assert [line.split()[0] for line in for_people.stdout.splitlines()] == ["id", third, second]
    assert for_people.stderr == f"There may be more: add --before {second}\n"
    assert NUMBER[2:] not in for_people.stdout


# cancel and resolve


def test_cancelling_several_tells_the_fate_of_each(harkara: Harkara, ledger: Database) -> None:
    waiting, gone = keep(ledger), attempted(ledger, Uncertain("timeout", "No answer came.", None))
    result = harkara("cancel", waiting, gone)
    assert result.exit_code == 4
    assert result.stdout == f"{waiting}  cancelled\n{gone}  too late: it is uncertain\n"
    assert harkara("cancel", waiting, "o9").exit_code == 3


def test_an_uncertain_message_is_settled_by_hand(harkara: Harkara, ledger: Database) -> None:
    identity = attempted(ledger, Uncertain("timeout", "No answer came.", None))
    assert f"harkara resolve {identity}" in harkara("status", identity).stdout
    assert harkara("resolve", identity).exit_code == 2
    assert harkara("resolve", identity, "--sent", "--drop").exit_code == 2
    assert harkara("resolve", identity, "--sent", "--by", "Asha").stdout == f"{identity}  accepted\n"
    assert status(ledger, identity)["reason"] == "Seen to have arrived, says Asha."
    assert harkara("resolve", identity, "--resend").exit_code == 4


# lanes


def test_the_lanes_show_their_messages_and_those_that_are_not_configured(harkara: Harkara, ledger: Database) -> None:
    keep(ledger, lane="hotel")
    park(ledger, "shop", "Wrong price.")
    lanes = {lane["lane"]: lane for lane in json.loads(harkara("lanes", "--json").stdout)["lanes"]}
    assert {name: (lane["configured"], lane["state"]) for name, lane in lanes.items()} == {
        "default": (True, "open"),
        "hotel": (False, "open"),
        "shop": (True, "parked"),
    }
    assert lanes["default"]["allowance"] == "20/60s"
    assert lanes["hotel"]["messages"] == {"waiting": 1}
    assert lanes["shop"]["since"] is not None
    shown = harkara("lanes").stdout.splitlines()
    assert "not configured" in shown[2]
    assert "Wrong price." in shown[3]


def test_only_a_lane_that_exists_can_be_parked(harkara: Harkara, ledger: Database) -> None:
    result = harkara("lanes", "park", "hotel")
    assert result.exit_code == 4
    assert "known are default, shop" in result.stderr


def test_unparking_a_lane_lets_its_messages_go_at_once(
    ledger: Database, environment: dict[str, str], redis_server: Server
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    identity = keep(ledger, at=None)
    park(ledger, "default", "Wrong price.")
    code, out, err = run(environment, "lanes", "unpark", "default", "--json")
    assert (code, json.loads(out), err) == (0, {"lane": "default", "state": "open", "lifted": 1}, "")
    assert status(ledger, identity)["state"] == State.QUEUED


# audit and doctor


def test_the_audit_of_a_sound_ledger_is_clean(harkara: Harkara, ledger: Database) -> None:
    attempted(ledger, Uncertain("timeout", "No answer came.", None))
    keep(ledger)
    result = harkara("audit", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["clean"], report["findings"]) == (0, True, [])
    assert (report["messages"], report["by_state"], report["attempts"]) == (2, {"uncertain": 1, "waiting": 1}, 1)
    assert harkara("audit").stdout.endswith("Clean.\n")


def test_the_audit_names_the_broken_rule_and_its_messages(harkara: Harkara, ledger: Database) -> None:
    identity = keep(ledger)
    with ledger.write() as tx:
        tx.execute(text("UPDATE message SET state = 'accepted'"))
    result = harkara("audit")
    assert result.exit_code == 1
    assert "Broken: accepted only with Chat Mitra's answer, or a person's word: 1 messages" in result.stdout
    assert f"  {identity}\n" in result.stdout


def test_the_doctor_finds_what_is_missing_and_says_what_to_do(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: Server
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    park(ledger, "shop", "Wrong price.")
    result = harkara("doctor", "--json")
    found = {check["check"]: (check["well"], check["found"]) for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert {name for name, (well, _) in found.items() if well} == {
        "settings", "lanes", "database", "redis", "redis memory",
    }  # fmt: skip
    assert "appendonly yes" in found["redis disk"][1]
    assert "harkara lanes unpark shop" in found["lane shop"][1]
    assert "celery -A workers.sender worker" in found["workers"][1]


def test_the_doctor_survives_services_that_are_away(harkara: Harkara, environment: dict[str, str]) -> None:
    environment["HARKARA_DATABASE_URL"] = "postgresql://127.0.0.1:1/nowhere"
    result = harkara("doctor")
    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.stdout.splitlines()[3:]] == [
        ["database", "PROBLEM"],
        ["redis", "PROBLEM"],
    ]


# the deployment


def test_a_database_without_the_schema_ends_with_5_and_the_next_step(harkara: Harkara) -> None:
    result = harkara("list")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "python -m workers.migrate" in result.stderr


def test_a_setting_that_makes_no_sense_is_named_without_its_value(
    harkara: Harkara, environment: dict[str, str]
) -> None:
    environment["HARKARA_LANE_TOKENS"] = "live_secret"
    result = harkara("list", "--json")
    assert result.exit_code == 1
    assert "HARKARA_LANE_TOKENS" in json.loads(result.stdout)["error"]["message"]
    assert "live_secret" not in result.output


def test_the_help_loads_neither_the_database_nor_celery() -> None:
    code = "import sys, workers.command; print(sorted({'celery', 'sqlalchemy', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_version_is_that_of_the_project(harkara: Harkara) -> None:
    assert harkara("--version").stdout.startswith("harkara 0.")
