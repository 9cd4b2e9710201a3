"""Who may call, for which lanes, how often; and what strangers are told."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from config.callers import callers as callers_of
from config.settings import Settings
from harkara.errors import Invalid
from harkara.gateway import Behind, Callers, gateway
from harkara.ledger.database import Database
from tests.integration.gateway.house import AGENCY, CLINIC, HELLO, SEND, SHOP, TOKENS, away, behind_of, callers
from tests.integration.ledger.test_campaigns import loaded

CLOSED = [
    ("POST", SEND),
    ("POST", "/send_message"),
    ("GET", "/messages"),
    ("GET", "/messages/job_1"),
    ("POST", "/messages/job_1/cancel"),
    ("PUT", "/occasions/appointment/visit-7"),
    ("GET", "/occasions/appointment/visit-7"),
    ("POST", "/occasions/appointment/visit-7/cancel"),
    ("POST", "/occasions/appointment/visit-7/complete"),
    ("GET", "/campaigns"),
    ("GET", "/campaigns/sale"),
    ("POST", "/campaigns/sale/start"),
    ("POST", "/campaigns/sale/pause"),
    ("POST", "/campaigns/sale/resume"),
    ("POST", "/campaigns/sale/cancel"),
]
OPEN = {"/webhooks/chatmitra", "/webhooks/chatmitra/{lane}", "/livez", "/readyz", "/metrics"}


NO_TOKEN = "the header Authorization must be Bearer and a token"
STRANGE = {
    None: NO_TOKEN,
    b"Basic c2hvcDp4": NO_TOKEN,
    b"Bearer": NO_TOKEN,
    b"Bearer token-of-the-shop": "no caller has this token",
    b"Bearer live:token-of-the-sho": "no caller has this token",
    b"Bearer live:token-of-the-shop2": "no caller has this token",
    b"Bearer \xfcber": "no caller has this token",
}


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_nobody_passes_without_a_token(strangers: TestClient, method: str, path: str) -> None:
    for authorization, message in STRANGE.items():
        headers = {} if authorization is None else {b"Authorization": authorization}
        answer = strangers.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json() == {"status": "error", "message": message}
    assert strangers.request(method, path, headers=SHOP).status_code in (400, 503)


def test_every_other_route_is_one_that_needs_no_token(strangers: TestClient) -> None:
    described = strangers.get("/openapi.json").json()["paths"]
    closed = {path for path, methods in described.items() for told in methods.values() if "security" in told}
    assert described.keys() - closed == OPEN
    assert len(CLOSED) == sum(len(described[path]) for path in closed)


@pytest.fixture
def strangers() -> Any:
    """Callers without a token, of a door whose ledger they cannot even reach."""
    door = behind_of(away())
    with TestClient(gateway(door)) as client:
        yield client


def test_a_door_without_tokens_lets_nobody_in_and_says_what_to_set() -> None:
    door = behind_of(away(), callers=Callers({}, {}, None))
    with TestClient(gateway(door), headers=SHOP) as web:
        answer = web.post(SEND, json=HELLO)
    assert answer.status_code == 401
    assert answer.json()["message"] == "nobody may call yet: set HARKARA_API_TOKENS to name:token"


def test_a_token_sees_and_changes_only_what_is_in_its_lanes(web: TestClient, behind: Behind) -> None:
    theirs = web.post(SEND, json=HELLO, headers=AGENCY | {"Idempotency-Key": "of north"}).json()["jobId"]
    mine = web.post(SEND, json=HELLO).json()["jobId"]
    loaded(behind.db, lane="north")
    for key in (theirs, "of north"):
        assert web.get(f"/messages/{key}").status_code == 404
        assert web.post(f"/messages/{key}/cancel").status_code == 404
        assert web.get(f"/messages/{key}", headers=AGENCY).json()["state"] == "waiting"
    assert [each["id"] for each in web.get("/messages").json()["messages"]] == [mine]
    assert web.get("/messages?lane=north").json()["messages"] == []
    assert web.get("/campaigns").json() == {"campaigns": []}
    for verb in ("start", "pause", "resume", "cancel"):
        assert web.post(f"/campaigns/sale/{verb}").status_code == 404
    assert web.get("/campaigns/sale", headers=AGENCY).json()["state"] == "ready"


def test_a_key_that_stands_in_two_lanes_is_found_by_its_lane(web: TestClient) -> None:
    for lane in ("north", "south"):
        web.post(SEND, json=HELLO, headers=AGENCY | {"Harkara-Lane": lane, "Idempotency-Key": "order 7"})
    unclear = web.get("/messages/order 7", headers=AGENCY)
    assert unclear.status_code == 409
    assert unclear.json()["message"] == "several lanes know this reference: name the lane, or use the id"
    named = AGENCY | {"Harkara-Lane": "south"}
    assert web.get("/messages/order 7", headers=named).json()["lane"] == "south"
    assert web.post("/messages/order 7/cancel", headers=named).json()["cancelled"]
    assert web.get("/messages/order 7", headers=AGENCY | {"Harkara-Lane": "default"}).status_code == 403


def test_a_token_with_several_lanes_sees_them_all(web: TestClient) -> None:
    for headers in (CLINIC, CLINIC | {"Harkara-Lane": "default"}, AGENCY):
        web.post(SEND, json=HELLO, headers=headers)
    assert {each["lane"] for each in web.get("/messages", headers=CLINIC).json()["messages"]} == {"clinic", "default"}


def test_each_token_has_a_limit_of_its_own(db: Database) -> None:
    with TestClient(gateway(behind_of(db, callers=callers("3/60s"))), headers=SHOP) as web:
        assert [web.get("/campaigns").status_code for _ in range(3)] == [200] * 3
        refused = web.get("/campaigns")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json() == {"status": "error", "message": "too many requests with this token"}
        assert web.get("/campaigns", headers=CLINIC).status_code == 200


def test_who_has_waited_as_long_as_the_limit_says_is_let_in_again(db: Database) -> None:
    with TestClient(gateway(behind_of(db, callers=callers("1/1s"))), headers=SHOP) as web:
        assert web.get("/campaigns").status_code == 200
        time.sleep(1.05)
        assert web.get("/campaigns").status_code == 200


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
        ({"api_tokens": "My Shop:x"}, "HARKARA_API_TOKENS: a name has 1 to 40 of a-z, 0-9, _ and -"),
        ({"api_tokens": "a:x,b:x"}, "HARKARA_API_TOKENS, HARKARA_API_LIMIT: token: two callers have the same"),
        ({"api_tokens": "a:x", "api_lanes": "b:north"}, "HARKARA_API_LANES: b has no token in"),
        ({"api_tokens": "a:x", "api_lanes": "a:east"}, "HARKARA_API_LANES: a is for lane east, which"),
        ({"api_tokens": "a:x", "api_limit": "many"}, "HARKARA_API_TOKENS, HARKARA_API_LIMIT: allow"),
    ],
)
def test_settings_that_make_no_sense_are_said_at_the_start(given: dict[str, str], message: str) -> None:
    with pytest.raises(SystemExit) as refusal:
        callers_of(settings(**given), frozenset({"default", "north"}))
    assert str(refusal.value).startswith(message)


def test_that_nobody_may_call_is_said_at_the_start() -> None:
    with capture_logs() as said:
        assert not callers_of(settings(), frozenset({"default"}))
    assert [(line["log_level"], line["event"]) for line in said] == [
        ("warning", "nobody may call: set HARKARA_API_TOKENS to name:token")
    ]


def test_two_callers_cannot_share_a_token() -> None:
    with pytest.raises(Invalid) as refusal:
        Callers({"a": "x", "b": "x"}, {"a": ("default",), "b": ("default",)}, None)
    assert TOKENS["shop"] not in str(refusal.value)
