"""Proof of delivery: what the ledger knows about one message, to print, and as the file that can be checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.catalogue import Catalogue, Preview
from harkara.console.bubbles import STATES, bubbles_of_request
from harkara.console.chat_page import CHOICES, SOURCES
from harkara.console.forms import Form
from harkara.console.languages import N_
from harkara.console.pages.message import find_message
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Invalid
from harkara.ledger.messages.proof import Evidence, collect_evidence
from harkara.ledger.users.acts import record_done
from harkara.messages import Envelope, Template
from harkara.messages.validation import as_handed_over
from harkara.proof import proof_of
from harkara.trace_sentences import SENTENCES

router = APIRouter()

NO_ANSWER = N_("No answer was recorded.")


class ProofLine(NamedTuple):
    """A record of the proof. `at` is in UTC; `codes` are as the ledger has them, `detail` is a sentence or empty."""

    at: str
    sentence: str
    codes: str
    detail: str
    digest: str


class ProofDay(NamedTuple):
    """The records of a day in UTC."""

    day: str
    lines: Sequence[ProofLine]


@router.get("/messages/{key}/proof")
def proof_page(visitor: Operator, key: str) -> Response:
    """Show the proof of a message, to read and to print."""
    evidence = _evidence(visitor, find_message(visitor, key))
    proof = json.loads(_file(visitor, evidence))
    return visitor.page(
        "proof.html",
        message=evidence.message,
        bubbles=bubbles_of_request(evidence.body, visitor.console.catalogue, category=evidence.message["category"]),
        consent=evidence.consent,
        days=[ProofDay(day["day"], list(_lines(visitor, day["records"]))) for day in proof["days"]],
        digest=proof["digest"],
        states=STATES,
        choices=CHOICES,
        sources=SOURCES,
    )


@router.post("/messages/{key}/proof")
def download_proof(visitor: Operator, _form: Form, key: str) -> Response:
    """Return the file, which has the number and the text, as an act of the log."""
    identity = find_message(visitor, key)
    file = _file(visitor, _evidence(visitor, identity))
    record_done(visitor.console.db, visitor.actor, "proof.downloaded", identity, number=1)
    attachment = {"Content-Disposition": f'attachment; filename="proof-{identity}.json"'}
    return Response(file, media_type="application/json", headers=attachment)


def _evidence(visitor: SignedIn, identity: str) -> Evidence:
    """Return the evidence, without the text of a one-time code: the console shows it to no one."""
    found = collect_evidence(visitor.console.db, identity)
    return replace(found, body=None) if found.message["category"] == "authentication" else found


def _file(visitor: SignedIn, evidence: Evidence) -> bytes:
    return proof_of(evidence, _texts(evidence.body, visitor.console.catalogue) if evidence.body else [])


def _texts(body: str, catalogue: Catalogue) -> list[Preview]:
    """Return what the customer reads of a request, nothing of one that this release cannot read."""
    try:
        with as_handed_over():
            messages = Envelope.from_wire(json.loads(body)).messages
    except Invalid:
        return []
    return [shown for each in messages if isinstance(each, Template) and (shown := catalogue.preview(each))]


def _lines(visitor: SignedIn, records: Sequence[Mapping[str, Any]]) -> Iterator[ProofLine]:
    translate = visitor.language.texts.gettext
    for record in records:
        sentence, codes, detail = _said(record)
        shown = " · ".join(str(code) for code in codes if code)
        yield ProofLine(record["at"][11:19], translate(sentence), shown, detail or "", record["digest"])


def _said(record: Mapping[str, Any]) -> tuple[str, Sequence[object], str | None]:
    """Return the sentence of a record, its codes, and its detail."""
    match record["record"]:
        case "attempt":
            status = record["status"] and f"HTTP {record['status']}"
            sentence = SENTENCES.get(record["outcome"] or "", NO_ANSWER)
            return sentence, (record["number"], status, record["code"], record["job_id"]), None
        case "webhook":
            return N_("Webhook of Chat Mitra"), (record["status"], f"SHA-256 {record['webhook_sha256']}"), None
    return SENTENCES.get(record["to"], record["to"]), (record["code"],), record["detail"]
