"""Proof of delivery: a file whose records are chained by digests, so that any change of it is found.

The file is JSON in one form only: keys sorted, one space of indentation, and a line end. Each record has the SHA-256 of
the digest before it and of itself. The first record of a day follows the last one of the day before, the first of all
follows the head, and the digest of the whole file follows the last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from harkara.errors import Invalid

if TYPE_CHECKING:
    from harkara.catalogue import Preview
    from harkara.ledger.messages.proof import Evidence

FORMAT: Final = "harkara delivery 1"

_CHECKED: Final = ("problem", "code")
"""What a preview says about WhatsApp's rules, which is no part of a text."""

Record = Mapping[str, Any]
"""JSON with `at`, the time of what it records in UTC and in ISO 8601."""


def proof_of(evidence: Evidence, texts: Sequence[Preview]) -> bytes:
    """Return the file of a message: what it is about, and what happened. `texts` are what the customer reads."""
    shown = [{name: value for name, value in asdict(each).items() if name not in _CHECKED} for each in texts]
    request = json.loads(evidence.body) if evidence.body else None
    head = {"message": evidence.message, "request": request, "texts": shown, "consent": list(evidence.consent)}
    return dump_proof(head, evidence.records)


def dump_proof(head: Record, records: Iterable[Record]) -> bytes:
    """Return the file: `head` says what it is about; the records are ordered by time. Equal input, equal bytes."""
    ordered = sorted(records, key=lambda one: (one["at"], _compact(one)))
    digest = _next("", head)
    days: list[dict[str, Any]] = []
    for day, those in groupby(ordered, key=lambda one: one["at"][:10]):
        chained: list[dict[str, Any]] = []
        follows = digest
        for record in those:
            digest = _next(digest, record)
            chained.append({**record, "digest": digest})
        days.append({"day": day, "follows": follows, "records": chained, "digest": digest})
    return _form({"proof": FORMAT, "head": head, "days": days, "digest": _next(digest, {"proof": FORMAT})})


def verify_proof(file: bytes) -> dict[str, Any]:
    """Return the content of a file that `dump_proof` wrote. Raises Invalid for any other bytes, however similar."""
    try:
        found = json.loads(file)
        head, days = found["head"], found["days"]
        records = [_without_digest(record) for day in days for record in day["records"]]
        same = dump_proof(head, records) == file
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise Invalid("file", "is no proof of delivery, or was damaged") from None
    if not same:
        raise Invalid("file", f"was changed after it had been written: {_first_change(head, days)}")
    proof: dict[str, Any] = found
    return proof


def _next(before: str, content: Record) -> str:
    return sha256(before.encode() + _compact(content)).hexdigest()


def _compact(content: Record) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _form(document: Record) -> bytes:
    return (json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _without_digest(record: dict[str, Any]) -> Record:
    return {name: value for name, value in record.items() if name != "digest"}


def _first_change(head: Record, days: list[dict[str, Any]]) -> str:
    """Say where the chain breaks first."""
    digest = _next("", head)
    for day in days:
        if day.get("follows") != digest:
            return f"the digests break before {day.get('day')}"
        for record in day["records"]:
            digest = _next(digest, _without_digest(record))
            if record.get("digest") != digest:
                return f"the digests break at the record of {record.get('at')}"
    return "the digests of the records hold, other bytes differ"
