"""`harkara send`, as a process over real services, and in this process where it needs none."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from config.environment import ROOT
from harkara.inbound.events import MessageReceived
from harkara.inbound.words import Words
from harkara.ledger.database import Database
from harkara.ledger.events.inbound_messages import record_received
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.queries import get_status
from harkara.messages import CopyCode, Document, Envelope, Image, Message, QuickReply, Template, Text, UrlSuffix
from harkara.states import State
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import NUMBER, Harkara, listed, run, start
from tests.message_states import count_by_state


def test_a_message_sent_by_the_command_is_in_the_ledger_and_its_hint_in_redis(
    ledger: Database, environment: dict[str, str], redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    code, out, err = run(environment, "send", "98765 43210", "Your order is ready", "--reference", "o1")
    assert (code, err) == (0, "")
    assert get_status(ledger, out.strip())["state"] == State.QUEUED
    with redis.Redis.from_url(redis_server.url) as connection:
        assert connection.llen("harkara.urgent") == 1

    code, out, err = run(environment, "send", NUMBER, "Another text", "--reference", "o1", "--json")
    assert (code, err) == (4, "")
    assert json.loads(out)["error"]["type"] == "Conflict"
    assert count_by_state(ledger) == {"default": {"queued": 1}}


def test_a_message_is_accepted_without_redis_and_stdout_has_only_the_id(
    ledger: Database, environment: dict[str, str]
) -> None:
    code, out, err = run(environment, "send", NUMBER, "Your order is ready", "--wait", "0.1")
    assert out == f"{listed(ledger)[0]}\n"
    assert code == 1  # its outcome is not known yet
    assert "hints not published" in err
    assert "No outcome after 0.1 s; the message is accepted" in err
    assert NUMBER not in err


def test_wait_prints_each_change_on_stderr_until_the_outcome(ledger: Database, environment: dict[str, str]) -> None:
    with start(environment, "send", NUMBER, "Hello", "--at", "+1h", "--wait", "60", "--json") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        cancel(ledger, listed(ledger), by="the test")
        out, err = process.communicate(timeout=60)
    printed = json.loads(out)
    assert (process.returncode, printed["state"], printed["new"]) == (1, "cancelled", True)
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


@pytest.mark.parametrize(
    ("options", "category"),
    [
        (["--template", "otp_verification"], "authentication"),
        (["--template", "promotional_broadcast"], "marketing"),
        (["--template", "promotional_broadcast", "--category", "utility"], "utility"),
        (["--template", "not_in_the_catalogue"], "utility"),
    ],
)
def test_a_template_of_the_catalogue_has_its_category(
    harkara: Harkara, ledger: Database, options: list[str], category: str
) -> None:
    assert harkara("send", NUMBER, *options).exit_code == 0
    (identity,) = listed(ledger)
    assert get_status(ledger, identity).category == category


def test_a_fallback_of_the_catalogue_has_its_category(harkara: Harkara, ledger: Database) -> None:
    assert harkara("send", NUMBER, "Hello", "--fallback", "promotional_broadcast").exit_code == 0
    with ledger.read() as tx:
        kept = tx.execute(text("SELECT fallback FROM message")).scalar_one()
    assert json.loads(kept)["category"] == "marketing"


def test_a_request_with_a_one_time_code_has_its_category(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    template = {"name": "otp_verification", "language": "en", "components": []}
    body = {"recipient_mobile_number": NUMBER, "messages": [{"kind": "template", "template": template}]}
    file = tmp_path / "request.json"
    file.write_text(json.dumps(body))
    assert harkara("send", "--json-file", str(file)).exit_code == 0
    (identity,) = listed(ledger)
    assert get_status(ledger, identity).category == "authentication"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_request_is_read_from_a_file_of_windows(harkara: Harkara, tmp_path: Path, encoding: str) -> None:
    body = {"recipient_mobile_number": NUMBER, "message": "नमस्ते"}
    file = tmp_path / "request.json"
    file.write_text(json.dumps(body, ensure_ascii=False), encoding)
    printed = [
        harkara("send", "--json-file", str(file), "--dry-run", "--json"),
        harkara("send", "--json-file", "-", "--dry-run", "--json", stdin="\ufeff" + json.dumps(body)),
    ]
    assert [json.loads(each.stdout)["body"] for each in printed] == [body, body]


def test_any_text_is_written_whatever_the_locale_says(environment: dict[str, str]) -> None:
    words = ("send", NUMBER, "नमस्ते ⏰", "--dry-run", "--json")
    process = start(environment | {"PYTHONIOENCODING": "latin-1"}, *words)  # a fork would have this process's encoding
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["body"]["message"] == "नमस्ते ⏰"


def test_a_text_is_read_from_stdin_without_its_last_line_break(harkara: Harkara) -> None:
    result = harkara("send", NUMBER, "-", "--alt", "$name=A=B", "--dry-run", "--json", stdin="One\nTwo\n")
    assert json.loads(result.stdout)["body"]["message"] == "One\nTwo"
    assert json.loads(result.stdout)["body"]["altTexts"] == {"$name": "A=B"}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([], "TEXT: give a text"),
        (["Hello", "--image", "https://example.com/a.jpg"], "--image: cannot be combined with TEXT"),
        (["Hello", "--caption", "Look"], "--caption: needs --image or --video or --document"),
        (["--template", "visit", "--quick-reply", "Y", "--url-suffix", "a"], "--quick-reply: give its position"),
        (
            ["--template", "visit", "--header", "A", "--header-image", "B"],
            "--header-image: cannot be combined with --header",
        ),
        (["Hello", "--alt", "name"], "--alt: write it as"),
        (["Hello", "--at", "tomorrow"], "'--at': must be a time in ISO 8601"),
        (["Hello", "--expires", "2026-11-24T09:00"], "'--expires': has no time zone"),
        (["--json-file", "/nonexistent"], "--json-file: cannot be read"),
        (["Hello", "--priority", "9"], "'--priority'"),
    ],
)
def test_options_that_exclude_each_other_are_a_usage_error_with_the_next_step(
    harkara: Harkara, words: list[str], hint: str
) -> None:
    result = harkara("send", NUMBER, *words, "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["type"]) == (2, "Usage")
    assert hint in error["message"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["Your code *123456*"], "body: has an asterisk"),
        (["Hello", "--lane", "hotel"], "lane: is not configured; configured lanes: default, shop"),
        (["--json-file", "-"], "body: must be one JSON object (line 1, column 2)"),
        (["caf\udce9"], "body: is not in UTF-8; convert it"),
    ],
)
def test_a_refused_message_names_the_rule_and_stores_nothing(
    harkara: Harkara, ledger: Database, words: list[str], rule: str
) -> None:
    result = harkara("send", NUMBER, *words, stdin="[")
    assert (result.exit_code, result.stdout) == (4, "")
    assert rule in result.stderr
    assert "123456" not in result.stderr
    assert count_by_state(ledger) == {}


def test_a_fallback_is_stored_with_its_message(harkara: Harkara, ledger: Database) -> None:
    words = ["--fallback", "we_are_open", "--fallback-param", "Asha", "--fallback-language", "hi"]
    assert harkara("send", NUMBER, "Hello", *words).exit_code == 0
    with ledger.read() as tx:
        (kept,) = tx.execute(text("SELECT fallback FROM message")).scalars()
    wanted = Template("we_are_open", "hi", body=["Asha"])
    assert json.loads(kept) == {"messages": [wanted.wire()], "category": "utility"}
    assert harkara("send", NUMBER, "Hello", *words[2:]).exit_code == 2
    assert harkara("send", NUMBER, "--template", "spring_sale", *words).exit_code == 4


def test_a_text_that_is_longer_than_advised_is_sent_with_a_note(harkara: Harkara) -> None:
    for length, notes in ((999, ""), (1_000, "The text has 1,000 characters; Chat Mitra advises fewer than 1,000.\n")):
        result = harkara("send", NUMBER, "x" * length, "--dry-run")
        assert (result.exit_code, result.stderr) == (0, notes)


def test_a_text_to_a_person_who_has_not_written_is_handed_over_with_the_advice(
    harkara: Harkara, ledger: Database, environment: dict[str, str]
) -> None:
    """WhatsApp takes only templates then; the worker's refusal is only seen with --wait."""
    environment["CHATMITRA_WEBHOOK_SECRET"] = "secret"
    advice = "this message fails unless they write first. Send a template (--kind or --template), or add --fallback."
    assert advice in harkara("send", NUMBER, "Hello", "--reference", "o1").stderr
    assert "exists already" in (again := harkara("send", NUMBER, "Hello", "--reference", "o1").stderr)
    assert advice not in again
    assert advice in harkara("send", NUMBER, "Hello").stderr
    for words in (["--template", "order_ready"], ["Hello", "--fallback", "we_are_open"], ["Hello", "--lane", "shop"]):
        assert advice not in harkara("send", NUMBER, *words).stderr
    with ledger.write() as tx:
        hello = MessageReceived(identity="w1", sender=NUMBER, kind="text", at=tx.now)
        record_received(tx, "default", hello, Words.load(ROOT / "config" / "words.toml"))
    result = harkara("send", NUMBER, "Hello")
    assert (result.exit_code, advice in result.stderr) == (0, False)
    assert len(listed(ledger)) == 6


def test_in_the_sandbox_the_advice_is_a_command_that_writes_as_the_customer(
    ledger: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "local.env").write_text("SANDBOX_PORT=8901\n")
    environment |= {"CHATMITRA_WEBHOOK_SECRET": "secret", "HARKARA_VAR": str(tmp_path)}
    _, _, err = run(environment, "send", NUMBER, "Hello")
    command = err[err.index("curl ") :].splitlines()[0]
    words = shlex.split(command)
    assert words[2] == "http://127.0.0.1:8901/_sandbox/customer"
    assert json.loads(words[-1]) == {"from": NUMBER, "text": "Hello"}


@pytest.mark.parametrize(
    ("words", "stdin", "rule"),
    [
        ([NUMBER, "-"], b"caf\xe9", "TEXT: stdin is not in UTF-8"),
        (["--json-file", "-"], b"\xff", "--json-file: stdin is not in UTF-8"),
        (["--json-file", "-"], b"[" * 100_000, "body: must be one JSON object (it is nested too deeply)"),
    ],
)
def test_bytes_on_stdin_that_are_no_message_are_an_error_in_a_sentence(
    harkara: Harkara, words: list[str], stdin: bytes, rule: str
) -> None:
    result = harkara("send", *words, "--json", stdin=stdin)
    assert rule in json.loads(result.stdout)["error"]["message"]
