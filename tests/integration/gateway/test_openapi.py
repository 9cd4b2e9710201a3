"""The OpenAPI description is true: generated requests get the responses that it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from harkara.gateway import create_app
from harkara.ledger.campaigns.queries import list_campaigns
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.ledger.occasions.queries import get_occasion
from harkara.occasions import OccasionKey
from harness.ledger import open_ledger
from tests.integration.gateway.fixtures import SHOP, dependencies_of, unreachable_database
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.occasions import PLAN, save, visit
from tests.integration.ledger.steps import reply, send_message

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


async def refuse(lane: str, raw: bytes, signature: str | None) -> bool:
    return False


KNOWN = {"jobId": "order-7", "kind": "appointment", "reference": "visit-7", "name": "sale", "lane": "default"}
"""Ids that exist in the ledger, by the path parameter that takes them."""


def existing(path: str) -> dict[str, str]:
    """Return the parameters of a path that name what exists."""
    return {name: value for name, value in KNOWN.items() if f"{{{name}}}" in path}


def operations() -> Iterator[tuple[str, str, str]]:
    """Yield each operation with each kind of values that it can get."""
    for path, methods in create_app(dependencies_of(unreachable_database())).openapi()["paths"].items():
        for method, operation in methods.items():
            yield method, path, "valid"
            if existing(path):
                yield method, path, "existing"
            if {"parameters", "requestBody", "security"} & operation.keys():
                yield method, path, "invalid"


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description of an app with data in its ledger, which accepts no webhook's signature."""
    with open_ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'harkara.db'}") as db:
        send_message(db, reply(1, reference="order-7"))
        save(db, visit("visit-7"))
        load_campaign(db)
        app = create_app(dependencies_of(db, receive_webhook=refuse))
        yield schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize(("method", "path", "values"), list(operations()))
def test_a_generated_request_gets_a_described_response(description: Any, method: str, path: str, values: str) -> None:
    operation = description[path][method]
    mode = GenerationMode.NEGATIVE if values == "invalid" else GenerationMode.POSITIVE
    fixed: dict[str, Any] = {"path_parameters": existing(path)} if values == "existing" else {}

    @given(case=operation.as_strategy(mode, **fixed))
    @settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        # The 503 of /readyz is a described response, not an error of the server.
        case.call_and_validate(headers=SHOP, checks=CHECKS[1:] if path == "/readyz" else CHECKS)

    send()


def test_every_field_of_the_ledger_is_described(db: Database) -> None:
    """A field that is only in the ledger would be left out of the responses without an error."""
    identity = send_message(db, reply(1))
    save(db, visit("visit 7"))
    load_campaign(db)
    described = create_app(dependencies_of(db)).openapi()["components"]["schemas"]
    assert get_status(db, identity).keys() == described["Status"]["properties"].keys()
    occasion = get_occasion(db, OccasionKey("visit 7", "appointment", "default"), PLAN)
    assert occasion.keys() == described["Occasion"]["properties"].keys()
    assert occasion["reminders"][0].keys() == described["Reminder"]["properties"].keys()
    assert list_campaigns(db)[0].keys() == described["Campaign"]["properties"].keys()


def test_no_422_is_described_because_none_is_sent(client: TestClient) -> None:
    description = client.get("/openapi.json").text
    assert '"422"' not in description
    assert "ValidationError" not in description


def test_the_page_loads_nothing_from_another_host(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    loaded_from = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [url for url in loaded_from if not url.startswith(("docs/static/", "data:"))] == []
    for url in loaded_from:
        if url.startswith("docs/"):
            assert client.get(f"/{url}").status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert "validatorUrl: null" in client.get("/docs/static/docs.js").text
    assert client.get("/redoc").status_code == 404


def test_swagger_ui_is_shipped_with_its_license() -> None:
    static = Path(__file__).parents[3] / "harkara" / "gateway" / "static"
    assert "Apache License" in (static / "LICENSE").read_text()
