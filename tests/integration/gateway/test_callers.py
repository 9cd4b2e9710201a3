"""Authentication: tokens, their lanes, their request limit, and the answer without a token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from config.callers import callers as callers_of
from config.settings import Settings
from harkara.errors import Invalid
from harkara.gateway import Callers, Dependencies, create_app
from harkara.ledger.database import Database
from tests.integration.gateway.fixtures import (
    AGENCY,
    CLINIC,
    HELLO,
    SEND,
    SHOP,
    TOKENS,
    callers,
    dependencies_of,
    unreachable_database,
)
from tests.integration.ledger.campaigns import load_campaign

PROTECTED = [
    ("POST", SEND),
    ("POST", "/send_message"),
    ("GET", "/messages"),
    ("GET", "/messages/job_1"),
    ("POST", "/messages/job_1/cancel"),
    ("PUT", "/occasions/appointment/visit-7"),
    ("GET", "/occasions/appointment/visit-7"),
    ("POST", "/occasions/appointment/visit-7/cancel"),
    ("POST", "/occasions/appointment/visit-7/complete"),
    ("POST", "/occasions/appointment/visit-7/no-show"),
    ("POST", "/occasions/appointment/visit-7/remind"),
    ("GET", "/reports/occasions/appointment"),
    ("POST", "/uploads"),
    ("GET", "/uploads/upl_1"),
    ("DELETE", "/uploads/upl_1"),
    ("POST", "/campaigns"),
    ("POST", "/campaigns/rehearse"),
    ("POST", "/campaigns/rejects"),
    ("GET", "/campaigns"),
    ("GET", "/campaigns/sale"),
    ("POST", "/campaigns/sale/rehearse"),
    ("GET", "/campaigns/sale/report"),
    ("POST", "/campaigns/sale/start"),
    ("POST", "/campaigns/sale/pause"),
    ("POST", "/campaigns/sale/resume"),
    ("POST", "/campaigns/sale/cancel"),
    ("POST", "/campaigns/sale/again"),
    ("GET", "/campaigns/sale/effect"),
    ("GET", "/campaigns/sale/results"),
    ("POST", "/messages/preview"),
    ("POST", "/messages/act"),
    ("GET", "/conversations"),
    ("GET", "/conversations/person_1"),
    ("POST", "/conversations/person_1/reply"),
    ("POST", "/conversations/person_1/read"),
    ("POST", "/conversations/person_1/opt-out"),
    ("POST", "/conversations/person_1/assign"),
    ("POST", "/conversations/person_1/give-back"),
    ("POST", "/conversations/person_1/off"),
    ("GET", "/conversations/person_1/turns"),
    ("POST", "/conversations/person_1/drafts/turn_1/send"),
    ("POST", "/conversations/person_1/drafts/turn_1/discard"),
    ("GET", "/assistant"),
    ("GET", "/assistant/drafts"),
    ("GET", "/assistant/gaps"),
    ("GET", "/spend"),
    ("GET", "/alarms"),
    ("POST", "/alarms/1/acknowledge"),
]
PUBLIC = {"/webhooks/chatmitra", "/webhooks/chatmitra/{lane}", "/livez", "/readyz"}
OPTIONAL = {"/metrics"}
"""Routes that need a token if the deployment has set one."""


NO_TOKEN = "the header Authorization must be Bearer and a token"
INVALID_AUTHORIZATIONS = {
    None: NO_TOKEN,
    b"Basic c2hvcDp4": NO_TOKEN,
    b"Bearer": NO_TOKEN,
    b"Bearer token-of-the-shop": "no caller has this token",
    b"Bearer live:token-of-the-sho": "no caller has this token",
    b"Bearer live:token-of-the-shop2": "no caller has this token",
    b"Bearer \xfcber": "no caller has this token",
}


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_a_request_without_a_valid_token_is_refused(unauthenticated: TestClient, method: str, path: str) -> None:
    for authorization, message in INVALID_AUTHORIZATIONS.items():
        headers = {} if authorization is None else {b"Authorization": authorization}
        answer = unauthenticated.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json() == {"status": "error", "message": message}
    assert unauthenticated.request(method, path, headers=SHOP).status_code in (400, 503)


def test_every_other_route_needs_no_token(unauthenticated: TestClient) -> None:
    described = unauthenticated.get("/openapi.json").json()["paths"]
    protected = {path for path, methods in described.items() for each in methods.values() if "security" in each}
    assert described.keys() - protected == PUBLIC
    assert len(PROTECTED) == sum(len(described[path]) for path in protected - OPTIONAL)
    assert unauthenticated.get("/metrics").status_code == 200


@pytest.fixture
def unauthenticated() -> Iterator[TestClient]:
    """A client without a token. The ledger is unreachable, so that a test fails if a route asks it."""
    with TestClient(create_app(dependencies_of(unreachable_database()))) as client:
        yield client


def test_without_configured_tokens_every_request_is_refused_with_the_setting_to_set() -> None:
    deps = dependencies_of(unreachable_database(), callers=Callers({}, {}, None))
    with TestClient(create_app(deps), headers=SHOP) as client:
        answer = client.post(SEND, json=HELLO)
    assert answer.status_code == 401
    assert answer.json()["message"] == "no caller is configured: set HARKARA_API_TOKENS to name:token"


def test_a_token_sees_and_changes_only_what_is_in_its_lanes(client: TestClient, deps: Dependencies) -> None:
    other = client.post(SEND, json=HELLO, headers=AGENCY | {"Idempotency-Key": "of north"}).json()["jobId"]
    own = client.post(SEND, json=HELLO).json()["jobId"]
    load_campaign(deps.db, lane="north")
    for key in (other, "of north"):
        assert client.get(f"/messages/{key}").status_code == 404
        assert client.post(f"/messages/{key}/cancel").status_code == 404
        assert client.get(f"/messages/{key}", headers=AGENCY).json()["state"] == "waiting"
    assert [each["id"] for each in client.get("/messages").json()["messages"]] == [own]
    assert client.get("/messages?lane=north").json()["messages"] == []
    assert client.get("/campaigns").json() == {"campaigns": []}
    for verb in ("start", "pause", "resume", "cancel"):
        assert client.post(f"/campaigns/sale/{verb}").status_code == 404
    assert client.get("/campaigns/sale", headers=AGENCY).json()["state"] == "ready"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/campaigns/{}"),
        ("POST", "/campaigns/{}/start"),
        ("POST", "/campaigns/{}/cancel"),
        ("GET", "/messages/{}"),
        ("POST", "/messages/{}/cancel"),
    ],
)
def test_what_belongs_to_another_lane_is_answered_as_what_does_not_exist(
    client: TestClient, deps: Dependencies, method: str, path: str
) -> None:
    job = client.post(SEND, json=HELLO, headers=AGENCY | {"Idempotency-Key": "order 7"}).json()["jobId"]
    campaign = load_campaign(deps.db, lane="north")
    known = ("sale", campaign) if "campaigns" in path else ("order 7", job)
    unknown = client.request(method, path.format("nowhere"))
    assert unknown.status_code == 404
    for key in known:
        answer = client.request(method, path.format(key))
        assert (answer.status_code, answer.content) == (404, unknown.content)
        assert answer.headers == unknown.headers


def test_a_lane_of_others_is_refused_as_one_that_does_not_exist(client: TestClient) -> None:
    for method, path in (("POST", SEND), ("GET", "/occasions/appointment/visit-7")):
        other, unknown = (
            client.request(method, path, headers=SHOP | {"Harkara-Lane": lane}) for lane in ("north", "nowhere")
        )
        assert (other.status_code, other.content) == (unknown.status_code, unknown.content) == (403, unknown.content)


def test_a_key_in_two_lanes_needs_the_lane(client: TestClient) -> None:
    for lane in ("north", "south"):
        client.post(SEND, json=HELLO, headers=AGENCY | {"Harkara-Lane": lane, "Idempotency-Key": "order 7"})
    unclear = client.get("/messages/order 7", headers=AGENCY)
    assert unclear.status_code == 409
    assert unclear.json()["message"] == "several lanes have a message with this reference: name the lane, or use the id"
    named = AGENCY | {"Harkara-Lane": "south"}
    assert client.get("/messages/order 7", headers=named).json()["lane"] == "south"
    assert client.post("/messages/order 7/cancel", headers=named).json()["cancelled"]
    assert client.get("/messages/order 7", headers=AGENCY | {"Harkara-Lane": "default"}).status_code == 403


def test_a_token_with_several_lanes_lists_all_of_them(client: TestClient) -> None:
    for headers in (CLINIC, CLINIC | {"Harkara-Lane": "default"}, AGENCY):
        client.post(SEND, json=HELLO, headers=headers)
    assert {each["lane"] for each in client.get("/messages", headers=CLINIC).json()["messages"]} == {
        "clinic",
        "default",
    }


def test_each_token_has_a_limit_of_its_own(db: Database) -> None:
    with TestClient(create_app(dependencies_of(db, callers=callers("3/60s"))), headers=SHOP) as client:
        assert [client.get("/campaigns").status_code for _ in range(3)] == [200] * 3
        refused = client.get("/campaigns")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json() == {"status": "error", "message": "too many requests with this token"}
        assert client.get("/campaigns", headers=CLINIC).status_code == 200


def test_a_request_is_allowed_again_after_the_time_of_retry_after(db: Database) -> None:
    with TestClient(create_app(dependencies_of(db, callers=callers("1/1s"))), headers=SHOP) as client:
        assert client.get("/campaigns").status_code == 200
        time.sleep(1.05)
        assert client.get("/campaigns").status_code == 200


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def test_the_settings_name_callers_their_lanes_and_their_limit() -> None:
    given = settings(api_tokens="shop:live:a,clinic:b", api_lanes="clinic:north+south")
    found = callers_of(given, frozenset({"default", "north", "south"}))
    shop, clinic = found.find(b"live:a"), found.find(b"b")
    assert shop is not None
    assert clinic is not None
    assert (shop.name, shop.lanes) == ("shop", ("default",))
    assert (clinic.name, clinic.lanes) == ("clinic", ("north", "south"))
    assert "live:a" not in repr(found.__dict__)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"api_tokens": "a:x,b:x"}, "HARKARA_API_TOKENS, HARKARA_API_LIMIT: token: two callers have the same"),
        ({"api_tokens": "a:x", "api_lanes": "b:north"}, "HARKARA_API_LANES: b has no token in"),
        ({"api_tokens": "a:x", "api_lanes": "a:east"}, "HARKARA_API_LANES: a is for lane east, which"),
        ({"api_tokens": "a:x", "api_limit": "many"}, "HARKARA_API_TOKENS, HARKARA_API_LIMIT: allow"),
    ],
)
def test_invalid_settings_stop_the_process_with_their_name(given: dict[str, str], message: str) -> None:
    with pytest.raises(SystemExit) as error:
        callers_of(settings(**given), frozenset({"default", "north"}))
    assert str(error.value).startswith(message)


def test_a_start_without_tokens_logs_the_setting_to_set() -> None:
    with capture_logs() as lines:
        assert not callers_of(settings(), frozenset({"default"}))
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "no API tokens configured: set HARKARA_API_TOKENS to name:token")
    ]


def test_two_callers_cannot_share_a_token() -> None:
    with pytest.raises(Invalid) as error:
        Callers({"a": "x", "b": "x"}, {"a": ("default",), "b": ("default",)}, None)
    assert TOKENS["shop"] not in str(error.value)
