"""Each package and each room imports only what it may, and nothing imports in a circle."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from tests.unit.import_graph import ROOT, Import, cycles, imports, source_files

MAY_IMPORT = {
    "harkara": set[str](),
    "config": {"harkara"},
    "tasks": {"harkara", "config"},
    "workers": {"harkara", "config", "tasks", "sandbox"},
    "sandbox": set[str](),
}
HTTP = {
    "http.client",
    "urllib3",
    "urllib3.connection",
    "urllib3.exceptions",
    "urllib.request",
    "httpx",
    "httpx2",
    "openai",
    "aiohttp",
}
ENVIRONMENT = {"environ", "environb", "getenv", "BaseSettings"}
SQL = {"sqlalchemy", "sqlmodel", "alembic", "psycopg", "sqlite3"}

PURE = {
    "assistant",
    "campaigns",
    "catalogue",
    "goals",
    "inbound",
    "limits",
    "messages",
    "money",
    "occasions",
    "people",
    "playbook",
}
"""Values and rules: no SQL, no process, and no Redis but the limiter's."""

BENEATH_THE_LEDGER = PURE | {
    "conversation",
    "errors",
    "lanes",
    "masking",
    "outcomes",
    "receipt",
    "roles",
    "states",
    "message_groups",
    "message_selection",
    "message_status",
    "json_record",
    "server_extra",
    "trace_sentences",
}
"""What the ledger may import besides itself."""

OUTER = {
    "alarms",
    "backends",
    "callbacks",
    "client",
    "console",
    "delivery",
    "gateway",
    "intake",
    "ledger",
    "published",
    "webhooks",
}

DEFERRED = {
    "harkara.backends": "a producer imports the client of Redis, or SQLModel, when it uses that backend",
    "harkara.backends.redis": "a producer imports the rules of reminders when it saves an occasion",
    "harkara.campaigns.excel": "a worker deletes old uploads, and would keep the 1 MB of a reader of spreadsheets",
    "harkara.client.steps": "a producer imports the messages, reminders and consent when it uses them",
    "harkara.ledger.migrate": "a worker checks the schema once, and would keep the 12 MB of Alembic",
    "harkara.published.lookup": "a producer imports the rules of reminders when it saves an occasion",
    "harkara.published.store": "a producer imports the rules of reminders when it saves an occasion",
}
"""Modules of `harkara` with imports inside functions, and why: they keep the client and the workers light."""


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_in_one_direction(package: str) -> None:
    forbidden = MAY_IMPORT.keys() - MAY_IMPORT[package] - {package} | {"tests", "harness", "benchmarks"}
    assert named(each for each in imports(package) if each.top in forbidden) == []


@pytest.mark.parametrize("package", ["benchmarks", "harness"])
def test_benchmarks_and_the_harness_do_not_need_the_tests(package: str) -> None:
    assert named(each for each in imports(package) if each.top == "tests") == []


@pytest.mark.parametrize("room", sorted(PURE))
def test_pure_rooms_import_no_outer_room(room: str) -> None:
    assert named(each for each in of_room(room) if room_of(each.imported) in OUTER) == []


def test_the_ledger_imports_only_pure_rooms_and_values() -> None:
    found = (each for each in of_room("ledger") if each.top == "harkara")
    assert named(each for each in found if room_of(each.imported) not in BENEATH_THE_LEDGER | {"ledger"}) == []


@pytest.mark.parametrize("room", ["alarms", "callbacks", "delivery", "webhooks"])
def test_the_rooms_of_the_workers_do_not_import_the_http_api(room: str) -> None:
    assert named(each for each in of_room(room) if room_of(each.imported) in ("console", "gateway")) == []


def test_only_a_deployment_puts_the_console_and_the_http_api_together() -> None:
    """The console reads bodies and writes CSV as the HTTP API does, and shares nothing else with it."""
    assert named(each for each in of_room("gateway") if room_of(each.imported) == "console") == []
    shared = {each.imported for each in of_room("console") if room_of(each.imported) == "gateway"}
    assert shared <= {
        "harkara.gateway.body",
        "harkara.gateway.addresses",
        "harkara.gateway.file_body",
        "harkara.gateway.csv_response",
    }


@pytest.mark.parametrize("package", [*MAY_IMPORT, "harness", "benchmarks"])
def test_no_modules_import_each_other(package: str) -> None:
    assert cycles(imports(package)) == []


def test_imports_inside_functions_have_a_reason() -> None:
    assert {each.module for each in imports("harkara") if each.deferred} == DEFERRED.keys()


def test_no_import_inside_a_function_hides_a_cycle() -> None:
    assert cycles(each._replace(deferred=False) for each in imports("harkara")) == []


def test_only_config_reads_the_environment() -> None:
    """The sandbox, a program of its own, has settings of its own."""
    readers = {path for package in MAY_IMPORT for path in source_files(package) if reads_environment(path)}
    assert {path for path in readers if path.parts[0] != "config"} == {Path("sandbox/settings.py")}


def test_only_the_client_of_chatmitra_imports_requests() -> None:
    assert users(MAY_IMPORT, {"requests"}) == {"harkara.chatmitra.adapter", "harkara.chatmitra.api"}


def test_only_the_client_of_chatmitra_and_the_connector_use_http() -> None:
    """The sandbox and the demo are outside: they stand for other systems."""
    chatmitra, connector = {"harkara.chatmitra.adapter", "harkara.chatmitra.api"}, "harkara.callbacks.connector"
    found = {
        each.module for package in ("harkara", "config", "tasks") for each in imports(package) if each.imported in HTTP
    }
    model = {"harkara.assistant.openai_model", "config.wiring.assistant"}
    assert found - model == chatmitra | {connector, "harkara.http_exchange"}


def test_only_the_recorders_of_the_deployment_import_what_observes_it() -> None:
    """Spans and error reports leave the machine, so few modules decide what is in them; both are off at first."""
    observers = {"config.spans", "config.span_export", "config.sentry_reports"}
    assert users(MAY_IMPORT, {"opentelemetry", "sentry_sdk"}) == observers


def test_only_the_ledger_imports_sql() -> None:
    found = users(MAY_IMPORT, SQL)
    assert found
    assert {module for module in found if not module.startswith("harkara.ledger.")} == set()


def test_the_graph_finds_a_cycle() -> None:
    found = [Import("a", "b", False, False), Import("b", "c", False, False), Import("c", "a", False, False)]
    assert cycles(found) == [["a", "b", "c"]]
    assert cycles([*found[:2], found[2]._replace(deferred=True)]) == []


def of_room(room: str) -> list[Import]:
    return [each for each in imports("harkara") if room_of(each.module) == room]


def room_of(module: str) -> str:
    """`ledger` for `harkara.ledger.sweep`."""
    return module.split(".")[1] if module.startswith("harkara.") else ""


def users(packages: Collection[str], libraries: Collection[str]) -> set[str]:
    return {each.module for package in packages for each in imports(package) if each.top in libraries}


def named(found: Iterable[Import]) -> list[str]:
    return [f"{each.module} imports {each.imported}" for each in found]


def reads_environment(path: Path) -> bool:
    text = (ROOT / path).read_text()
    if not any(each in text for each in ENVIRONMENT):
        return False
    nodes = list(ast.walk(ast.parse(text)))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return not names.isdisjoint(ENVIRONMENT)
