"""The proof of a message as a page that people read and print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

_FACTS: Final = {
    "id": "Message",
    "reference": "Reference",
    "recipient": "To",
    "lane": "Account",
    "template": "Template",
    "category": "Category",
    "state": "State",
    "code": "Code",
    "reason": "Reason",
}


def proof_page(proof: Mapping[str, Any]) -> str:
    """Return the HTML of what `verify_proof` returns. It loads nothing, and has number and text of the message."""
    head = proof["head"]
    message = head["message"]
    page = _environment().get_template("proof_page.html")
    return page.render(
        message=message,
        digest=proof["digest"],
        facts=[(label, message[name]) for name, label in _FACTS.items() if message.get(name) is not None],
        accepted_at=message["created_at"],
        texts=list(_texts(head)),
        consent=head["consent"],
        days=proof["days"],
    )


def _texts(head: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the catalogue knows of the texts, otherwise the request as it was sent."""
    for text in head["texts"]:
        yield "\n".join(part for name in ("header", "body", "footer") if (part := text.get(name)))
    if not head["texts"] and (request := head["request"]):
        yield request.get("message") or json.dumps(request, ensure_ascii=False, indent=2)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harkara", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment, "what": _what}
    return environment


def _moment(at: str) -> str:
    return f"{at[:10]} {at[11:19]}"


def _what(record: Mapping[str, Any]) -> str:
    """Return one sentence for a record of the proof."""
    match record["record"]:
        case "attempt":
            known = (record[name] for name in ("outcome", "status", "code", "job_id"))
            answer = ", ".join(str(each) for each in known if each)
            return f"Attempt {record['number']}: {answer or 'no answer was recorded'}"
        case "webhook":
            return f"Webhook of Chat Mitra: {record['status']}; SHA-256 {record['webhook_sha256'] or 'not recorded'}"
    return f"State: {record['to']}" + (f"; {record['detail']}" if record.get("detail") else "")
