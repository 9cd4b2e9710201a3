"""Routes that read the file of an audience: uploads, new campaigns, their rehearsal and their rejected rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import list_campaigns, report
from harkara.ledger.campaigns.uploads import MAX_BYTES
from harkara.ledger.users.acts import list_acts
from tests.integration.gateway.fixtures import AGENCY
from tests.integration.ledger.campaigns import REFUSED, send_due

ROWS = """Mobile,Doctor,Date
98765 43210,Dr Rao,24 November
12,Dr Rao,24 November
98765 43211,,24 November
98765 43210,Dr Rao,24 November
98765 43212,Dr Sen,25 November
"""
FIXED = {"time": "10:30", "place": "Room 4", "duration": "20 minutes", "helpline": "080"}
VISITS = {"name": "visits", "template": "appointment_reminder_2h", "map": {"to": "Mobile"}, "fixed": FIXED}
REJECTED = {"invalid-number": 1, "missing-value": 1, "duplicate": 1}


def uploaded(client: TestClient, content: bytes | str = ROWS, **headers: str) -> str:
    answer = client.post("/uploads?file=visits.csv", content=content, headers={"Content-Type": "text/csv"} | headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["upload"]["id"])


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


def test_a_file_is_uploaded_shown_and_deleted(client: TestClient) -> None:
    identity = uploaded(client)
    found = client.get(f"/uploads/{identity}").json()
    assert found["columns"] == ["Mobile", "Doctor", "Date"]
    assert (found["upload"]["name"], found["upload"]["lines"], found["upload"]["lane"]) == ("visits.csv", 6, "default")
    assert client.get(f"/uploads/{identity}", headers=AGENCY).status_code == 404, "it is private to its lane"
    assert client.delete(f"/uploads/{identity}").status_code == 204
    assert client.get(f"/uploads/{identity}").status_code == 404


def test_an_upload_is_rehearsed_then_created_and_only_its_start_sends(client: TestClient, deps: Dependencies) -> None:
    wanted = VISITS | {"upload": uploaded(client)}
    rehearsed = client.post("/campaigns/rehearse", json=wanted).json()
    assert (rehearsed["forecast"]["messages"], rehearsed["rows"]["rejected_by_code"]) == (2, REJECTED)
    assert float(rehearsed["forecast"]["cost"]) > 0
    waves = client.post("/campaigns/rehearse", json=wanted | {"wave_column": "Doctor", "wave_value": "Dr Rao"}).json()
    hours = rehearsed["forecast"]["between_stages"], waves["forecast"]["between_stages"]
    assert (hours[0], waves["forecast"]["messages"]) == (0, 2)
    assert hours[1] == pytest.approx(24 * 3600, abs=1), "a message goes to each of the two waves"
    until = client.post("/campaigns/rehearse", json=wanted | {"expires": "2099-12-31T10:00:00+05:30"}).json()
    assert until["forecast"]["expires_at"] == "2099-12-31T04:30:00+00:00"
    assert list_campaigns(deps.db) == [], "a rehearsal writes nothing"
    created = client.post("/campaigns", json=wanted)
    assert created.status_code == 201, created.text
    found = created.json()
    assert (found["campaign"]["state"], found["campaign"]["by_state"]) == ("ready", {"waiting": 2})
    assert (found["campaign"]["source"], found["campaign"]["rejected"]) == ("visits.csv", 3)
    assert found["rows"]["rejected_by_code"] == REJECTED
    assert found["rows"]["first_rejects"][0] == {
        "row": 3,
        "column": "Mobile",
        "code": "invalid-number",
        "rule": found["rows"]["first_rejects"][0]["rule"],
    }
    assert client.post("/campaigns/visits/start").json()["state"] == "running"
    acts = [(each.name, each.source, each.act, each.number) for each in list_acts(deps.db, limit=2)]
    assert acts == [("shop", "api", "campaign.started", None), ("shop", "api", "campaign.created", 2)]
    assert refusal(client.post("/campaigns", json=wanted))[0] == 409, "the name is in use"


def test_a_form_with_the_file_creates_a_campaign_at_once(client: TestClient, deps: Dependencies) -> None:
    form = {"campaign": json.dumps(VISITS)}
    answer = client.post("/campaigns", data=form, files={"file": ("list.csv", ROWS.encode(), "text/csv")})
    assert answer.status_code == 201, answer.text
    assert client.get(f"/uploads/{answer.json()['upload']}").json()["upload"]["name"] == "list.csv"
    (found,) = list_campaigns(deps.db)
    assert [line.recipient for line in report(deps.db, found.id, numbers=True)] == ["919876543210", "919876543212"]


def test_rejected_rows_are_csv_whose_cells_no_spreadsheet_computes(client: TestClient) -> None:
    rows = "Mobile,'=1+1\n12,a\n98765 43210,\n98765 43211,Dr Rao\n"
    wanted = VISITS | {"upload": uploaded(client, rows), "map": {"to": "Mobile", "doctor": "=1+1"}}
    wanted["fixed"] = FIXED | {"date": "today"}
    answer = client.post("/campaigns/rejects", json=wanted)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    found = [(line["row"], line["column"], line["code"]) for line in csv.DictReader(StringIO(answer.text))]
    assert found == [("2", "Mobile", "invalid-number"), ("3", "'=1+1", "missing-value")]
    assert "98765" not in answer.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"upload": None}, "upload: is missing: give the id that POST /uploads returned"),
        ({"template": "promotional_broadcast"}, "template: is marketing: say that all agreed"),
        ({"template": "nothing_such"}, "kind: is not in the catalogue"),
        ({"map": {"to": "Phone"}}, "to: no column is called Phone; there are Mobile, Doctor, Date"),
        ({"map": {"to": "Mobile", "time": "Date"}}, "fixed: the parameter time is in `map` too"),
        ({"fixed": FIXED | {"colour": "red"}}, "map colour: the template has no such parameter"),
        ({"name": ""}, "name: must be 1 to 80 printable characters"),
        ({"error_share": 2}, "error-share: must be more than 0 and at most 1"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires: has passed already"),
        ({"rows": 1}, "rows: unknown key"),
    ],
)
def test_a_wrong_request_is_a_sentence_and_creates_nothing(
    client: TestClient, deps: Dependencies, change: dict[str, Any], message: str
) -> None:
    wanted = VISITS | {"upload": uploaded(client)} | change
    status, said = refusal(client.post("/campaigns", json={k: v for k, v in wanted.items() if v is not None}))
    assert status == 400
    assert said.startswith(message) or "a field" in said, said
    assert list_campaigns(deps.db) == []


@pytest.mark.parametrize(
    "half", [{"map": {"to": "\ud83d"}}, {"wave_column": "Date", "wave_value": "\ud83d"}, {"\udce6": 1}]
)
def test_half_of_a_character_is_refused_and_creates_nothing(
    client: TestClient, deps: Dependencies, half: dict[str, Any]
) -> None:
    body = json.dumps(VISITS | {"upload": uploaded(client)} | half)
    status, said = refusal(client.post("/campaigns", content=body))
    assert (status, said.partition(",")[0]) == (400, "body: has half of a character")
    assert list_campaigns(deps.db) == []
    whole = json.dumps(VISITS | {"upload": uploaded(client), "name": "📦"})
    assert client.post("/campaigns", content=whole).json()["campaign"]["name"] == "📦"


def test_two_columns_of_one_name_and_a_missing_header_are_sentences(client: TestClient) -> None:
    twice = VISITS | {"upload": uploaded(client, "Mobile,Mobile,Doctor,Date\n9876543210,1,Dr Rao,today\n")}
    assert refusal(client.post("/campaigns", json=twice)) == (
        400,
        "to: 2 columns are called Mobile; give them different names",
    )
    headless = VISITS | {"upload": uploaded(client, "9876543210,Dr Rao,today\n")}
    assert "the first row must name the columns" in refusal(client.post("/campaigns", json=headless))[1]


def test_a_file_that_is_no_csv_is_refused_with_the_next_step(client: TestClient) -> None:
    for content, message in (
        (b"PK\x03\x04", "file: is a damaged Excel file: save it anew, or as CSV UTF-8"),
        (b"", "file: is empty; its first row must name the columns"),
    ):
        assert refusal(client.post("/uploads", content=content)) == (400, message)
    assert refusal(client.post("/campaigns", files={"other": ("a.csv", b"x")}))[1].startswith("file: is missing")
    broken = client.post("/campaigns", content=b"--x", headers={"Content-Type": "multipart/form-data"})
    assert refusal(broken) == (400, "body: is no valid multipart form: Missing boundary in multipart.")


def test_a_body_beyond_50_mb_is_refused_while_it_is_read(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 2 * MAX_BYTES:
            sent += 1 << 20
            yield bytes(1 << 20)

    said = client.post("/uploads", headers={"Content-Length": str(MAX_BYTES + 1)}, content=b"").status_code
    assert (said, client.post("/uploads", content=endless()).status_code) == (413, 413)


def test_more_than_two_files_at_once_are_asked_to_come_back(client: TestClient, deps: Dependencies) -> None:
    wanted = VISITS | {"upload": uploaded(client)}
    with deps.reading, deps.reading:
        answer = client.post("/campaigns", json=wanted)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.post("/campaigns", json=wanted).status_code == 201


def test_a_campaign_with_steps_says_them_in_its_status(client: TestClient, deps: Dependencies) -> None:
    rows = "Mobile,City,Doctor,Date\n" + "".join(
        f"98765{n:05d},{'Pune' if n < 5 else ''},Dr Rao,today\n" for n in range(20)
    )
    steps = {"wave_column": "City", "wave_value": "pune", "hold_out": 0.2, "stop_loss": "5000"}
    wanted = VISITS | steps | {"upload": uploaded(client, rows)}
    forecast = client.post("/campaigns/rehearse", json=wanted).json()["forecast"]
    found = client.post("/campaigns", json=wanted).json()["campaign"]
    assert (found["stage"], found["stages"], found["audience"]) == (1, 2, 20)
    assert found["by_state"]["waiting"] == forecast["messages"] < 20
    assert found["steps"] == [
        "20 % of the recipients get nothing, to measure the effect on answers.",
        "The first wave are those with pune in City; the others follow 24 h after its begin.",
        "It pauses when it has cost 5,000.00 INR.",
    ]
    assert refusal(client.get("/campaigns/visits/effect"))[0] == 404, "it was not started"
    client.post("/campaigns/visits/start")
    sent = send_due(deps.db)
    first = [line.row for line in report(deps.db, found["id"], numbers=False) if line.state == "accepted"]
    assert sent == len(first)
    assert set(first) <= set(range(2, 7)), "only Pune"
    assert client.get("/campaigns/visits/effect").json()["held_out"] == 20 - forecast["messages"]
    client.post("/campaigns/visits/pause")
    assert (
        client.post("/campaigns/visits/resume", json={"stop_loss": "8000"}).json()["steps"][2].endswith("8,000.00 INR.")
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"canary": 2}, "canary: must be more than 0 and at most 0.5"),
        ({"wave_column": "Town", "wave_value": "Pune"}, "wave_column: no column is called Town"),
        ({"stop_loss": "-5"}, "stop_loss: must be a positive number of at most 9 digits"),
        ({"hold_out": 0.1, "answer_days": 90}, "answer-days: must be between 1 and 30 days"),
    ],
)
def test_steps_that_cannot_be_are_sentences(
    client: TestClient, deps: Dependencies, change: dict[str, Any], message: str
) -> None:
    status, said = refusal(client.post("/campaigns", json=VISITS | {"upload": uploaded(client)} | change))
    assert (status, said[: len(message)]) == (400, message)
    assert list_campaigns(deps.db) == []


def test_a_second_round_goes_to_those_whose_message_failed(client: TestClient, deps: Dependencies) -> None:
    client.post("/campaigns", json=VISITS | {"upload": uploaded(client), "error_share": 1})
    client.post("/campaigns/visits/start")
    send_due(deps.db, REFUSED)
    assert refusal(client.post("/campaigns/visits/again", json={"name": "next"}))[0] == 409, "it is not over"
    advance_campaigns(deps.db)
    assert refusal(client.post("/campaigns/visits/again", json={"name": "next", "codes": ["131047"]}))[0] == 400
    answer = client.post("/campaigns/visits/again", json={"name": "next", "codes": ["131026"]})
    assert (answer.status_code, answer.json()["campaign"]["by_state"]) == (201, {"waiting": 2})
    assert refusal(client.post("/campaigns/visits/again", json={"name": "more"}))[0] == 409
