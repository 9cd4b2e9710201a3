"""The advice for a message that WhatsApp takes only from a person who has written within 24 hours."""

from __future__ import annotations

import json
import shlex

from harkara.messages import Envelope, Template
from workers.command.deployment import configured, ledger


def closed_window(wanted: Envelope) -> str | None:
    """Return what to do for a message that fails unless the person writes first; None if it can be sent."""
    from harkara.inbound.contact import UNKNOWN_CONTACT
    from harkara.ledger.contacts.contacts import load_contacts

    lane = configured().get(wanted.lane)
    replaced = wanted.fallback is not None or (lane is not None and lane.reengage is not None)
    if lane is None or replaced or all(isinstance(each, Template) for each in wanted.messages):
        return None
    key = (wanted.lane, wanted.to)
    with ledger() as db, db.read() as tx:
        contact = load_contacts(tx, [key]).get(key, UNKNOWN_CONTACT)
        window = contact.window(tx.now, webhooks_enabled=lane.webhooks_enabled)
    if window.window != "shut":
        return None
    return (
        "This person has not written in the last 24 hours, and WhatsApp then takes only templates: this message fails "
        "unless they write first. Send a template (--kind or --template), or add --fallback."
    )


def command_to_write(wanted: Envelope) -> str | None:
    """Return the command that writes as the customer, if messages go to the sandbox that `make up` runs."""
    from dotenv import dotenv_values

    from config.environment import LOCAL

    port = dotenv_values(LOCAL).get("SANDBOX_PORT")
    if port is None or wanted.lane != "default":
        return None
    body = shlex.quote(json.dumps({"from": wanted.to, "text": "Hello"}))
    url = f"http://127.0.0.1:{port}/_sandbox/customer"
    return f"curl -fsS {url} -H 'Content-Type: application/json' -d {body}"
