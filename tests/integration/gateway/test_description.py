"""The door's own description is true: whatever is asked by it is answered as it says."""

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

from harkara.gateway import gateway
from harkara.gateway.shapes import Campaign, Occasion
from harkara.ledger import migrate
from harkara.ledger.campaigns.queries import listing
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.ledger.occasions.commands import look
from harkara.occasions.occasion import OccasionKey
from tests.integration.gateway.house import SHOP, away, behind_of
from tests.integration.ledger.bookings import PLAN, say, visit
from tests.integration.ledger.steps import reply, send_message
from tests.integration.ledger.test_campaigns import loaded

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


OPERATIONS = [
    (method, path) for path, methods in gateway(behind_of(away())).openapi()["paths"].items() for method in methods
]
KNOWN = {"jobId": "order-7", "kind": "appointment", "reference": "visit-7", "name": "sale", "lane": "default"}
"""What stands behind the door, by the names of the parameters in its paths."""


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of a door with something behind it, whose webhooks are never genuine."""
    db = Database(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'harkara.db'}")
    migrate.upgrade(db)
    send_message(db, reply(1, reference="order-7"))
    say(db, visit("visit-7"))
    loaded(db)
    yield schemathesis.openapi.from_asgi("/openapi.json", gateway(behind_of(db, hear=lambda *_: False)))
    db.close()


@pytest.mark.parametrize("way", ["fits", "fits what is there", "does not fit"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_described(description: Any, method: str, path: str, way: str) -> None:
    operation = description[path][method]
    takes_nothing = not operation.body and not list(operation.iter_parameters())
    mode = GenerationMode.NEGATIVE if way == "does not fit" and not takes_nothing else GenerationMode.POSITIVE
    known = {name: value for name, value in KNOWN.items() if f"{{{name}}}" in path}
    fixed: dict[str, Any] = {"path_parameters": known} if way == "fits what is there" and known else {}

    @given(case=operation.as_strategy(mode, **fixed))
    @settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        # That not all is ready is an answer, and no error.
        case.call_and_validate(headers=SHOP, checks=CHECKS[1:] if path == "/readyz" else CHECKS)

    ask()


def test_every_field_of_the_ledger_is_described(db: Database) -> None:
    """A field that somebody adds there would silently not be told here."""
    identity = send_message(db, reply(1))
    say(db, visit("visit 7"))
    loaded(db)
    described = gateway(behind_of(db)).openapi()["components"]["schemas"]
    assert get_status(db, identity).keys() == described["MessageStatus"]["properties"].keys()
    occasion = look(db, OccasionKey("visit 7", "appointment", "default"), PLAN)
    assert occasion.keys() == Occasion.model_fields.keys()
    assert occasion["reminders"][0].keys() == described["ReminderSummary"]["properties"].keys()
    assert listing(db)[0].keys() == Campaign.model_fields.keys()


def test_no_route_speaks_of_an_answer_that_never_comes(web: TestClient) -> None:
    told = web.get("/openapi.json").text
    assert '"422"' not in told
    assert "ValidationError" not in told


def test_the_page_sends_browsers_nowhere_else(web: TestClient) -> None:
    page = web.get("/docs")
    assert page.status_code == 200
    loaded_from = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [place for place in loaded_from if not place.startswith(("docs/static/", "data:"))] == []
    for place in loaded_from:
        if place.startswith("docs/"):
            assert web.get(f"/{place}").status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert "validatorUrl: null" in web.get("/docs/static/docs.js").text
    assert web.get("/redoc").status_code == 404


def test_the_page_keeps_the_licence_of_what_it_is_made_of() -> None:
    static = Path(__file__).parents[3] / "harkara" / "gateway" / "static"
    assert "Apache License" in (static / "LICENSE").read_text()
