"""A link that ends while its message waits: the message fails before its POST, with the sentence."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.messages import Document, Envelope, Template
from tests.integration.delivery.running import posts, running_sender
from tests.integration.ledger.steps import accept_messages, attempts_of, states_of
from tests.integration.sandbox.process import Sandbox


def invoice(seconds: int) -> Envelope:
    """Return a message whose signed link lasts so long."""
    now = datetime.now(UTC)
    link = f"https://b.s3.amazonaws.com/a.pdf?X-Amz-Date={now:%Y%m%dT%H%M%SZ}&X-Amz-Expires={seconds}"
    return Envelope(to="919876543210", messages=[Template("invoice_ready", header=Document(link), body=["Asha"])])


def test_a_link_that_ends_while_its_message_waits_is_not_posted(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    short, long = accept_messages(db, invoice(2), invoice(3600))
    time.sleep(2.1)
    with running_sender(db, sandbox, redis_url) as sender:
        sender.send([short, long])
    assert states_of(db, [short, long]) == ["failed", "accepted"]
    assert posts(sandbox) == 1
    assert attempts_of(db, short) == []
    status = get_status(db, short)
    assert status.code == "link-ended"
    assert status.reason is not None
    assert "before it could be sent: send it again with a link that lasts longer" in status.reason
    assert audit(db).clean
