"""The rows of a year in a PostgreSQL ledger, written by sets: settled messages with all that belongs to them."""

from __future__ import annotations

from psycopg import Connection

from benchmarks.environment import Deployment
from benchmarks.messages import recipient, text

CAMPAIGNS = 60
"""Campaigns of each ledger: more than a page shows. Every second message belongs to one."""

STEP = 250_000
"""Messages that one transaction writes."""

_ID = """'job_' || lpad(to_hex(floor(1000 * extract(epoch FROM {at}))::bigint), 12, '0') || lpad(to_hex(n), 20, '0')"""

# n counts from the newest message. A tenth of a percent each failed or expired, and a hundred are uncertain, since
# people decide about the others; the rest arrived. What is older than a month has lost its text and its number, as the
# retention erases them.
_MESSAGES = """
CREATE TEMP TABLE step ON COMMIT DROP AS
SELECT n, {id} AS id, at, 'r' || n AS reference,
    CASE WHEN at > now() - interval '30 days' THEN (919800000000 + n % 50000)::text END AS recipient,
    CASE WHEN at > now() - interval '30 days' THEN (SELECT body FROM message WHERE id = '{pattern}') END AS body,
    CASE WHEN n % 1000 = 0 THEN 'failed' WHEN n % 1000 = 1 THEN 'cancelled' WHEN {uncertain} THEN 'uncertain'
        WHEN n % 3 = 0 THEN 'read' ELSE 'delivered' END AS state,
    CASE WHEN n % 1000 = 0 THEN '131026' WHEN n % 1000 = 1 THEN 'expired' WHEN {uncertain} THEN 'read-timeout' END
        AS code,
    CASE WHEN n % 2 = 0 THEN 'camp_' || lpad((n / {of_campaign})::text, 8, '0') END AS campaign_id,
    CASE WHEN n % 4 < 2 THEN 'template_' || n % 7 END AS template
FROM (
    SELECT n, now() - interval '2 hours' - n * (interval '364 days' / {rows}) AS at
    FROM generate_series({last}, {first}, -1) AS n
) AS each
"""

_COPIES = """
INSERT INTO message ({names}, id, reference, digest, recipient, body, state, code, due_at, planned_at, expires_at,
    created_at, changed_at, posted_at, campaign_id, producer, template, kind, category, claims, tries, epoch, job_id,
    whatsapp_id)
SELECT {names}, step.id, step.reference, CASE WHEN step.body IS NOT NULL THEN md5(step.id) END, step.recipient,
    step.body, step.state, step.code, step.at, step.at, step.at + interval '3 days', step.at,
    step.at + interval '20 seconds', CASE WHEN step.state <> 'cancelled' THEN step.at + interval '1 second' END,
    step.campaign_id, coalesce(step.campaign_id, 'default'), step.template,
    CASE WHEN step.template IS NULL THEN 'text' ELSE 'template' END,
    CASE n % 4 WHEN 0 THEN 'marketing' WHEN 1 THEN 'utility' ELSE 'service' END,
    CASE WHEN step.state = 'cancelled' THEN 0 ELSE 1 END, CASE WHEN step.state = 'cancelled' THEN 0 ELSE 1 END,
    CASE WHEN step.state = 'cancelled' THEN 0 ELSE 1 END,
    CASE WHEN step.code IS NULL OR step.state = 'failed' THEN 'j' || md5(step.id) END,
    CASE WHEN step.code IS NULL THEN md5('w' || step.id) END
FROM step CROSS JOIN (SELECT {names} FROM message WHERE id = '{pattern}') AS pattern
"""

_POSTS = """
INSERT INTO attempt (message_id, epoch, lane, weight, worker, gates, echo, claimed_at, started_at, ended_at, outcome,
    status, code, job_id)
SELECT id, 1, 'default', 1, 'worker-1@host-17-4a5b6c', 'optout=ok window=ok quiet=ok limit=ok', md5(reference),
    at + interval '900 ms', at + interval '1 second', at + interval '1050 ms',
    CASE WHEN state = 'uncertain' THEN 'uncertain' ELSE 'accepted' END, CASE WHEN state <> 'uncertain' THEN 200 END,
    CASE WHEN state = 'uncertain' THEN code END, CASE WHEN state <> 'uncertain' THEN 'j' || md5(id) END
FROM step WHERE state <> 'cancelled'
"""

_LINES = """
INSERT INTO trace (message_id, at, event, code, detail)
SELECT id, at + turn * interval '3 seconds', event, coalesce(line.code, step.code), ''
FROM step CROSS JOIN LATERAL (VALUES
    (1, 'sent', 'by-id', state IN ('delivered', 'read')), (2, 'delivered', 'by-id',
    state IN ('delivered', 'read')), (3, 'read', 'by-id', state = 'read'),
    (1, state, NULL, state IN ('failed', 'cancelled', 'uncertain'))
) AS line(turn, event, code, wanted)
WHERE wanted ORDER BY at + turn * interval '3 seconds'
"""

# Events are deleted after the retention, and their bodies once they are applied.
_EVENTS = """
INSERT INTO event (lane, identity, about, state, message_id, at, received_at, due_at, webhook_digest)
SELECT 'default', md5(event || id), event, 'folded', id, at + turn * interval '3 seconds',
    at + turn * interval '3 seconds', at, md5(event || id) || md5(id)
FROM step CROSS JOIN LATERAL (VALUES (1, 'sent', true), (2, 'delivered', true), (3, 'read', state = 'read'))
    AS happened(turn, event, wanted)
WHERE wanted AND state IN ('delivered', 'read') AND recipient IS NOT NULL
"""

_CHARGES = """
INSERT INTO charge (message_id, lane, day, at, category, template, campaign_id, currency, amount, fee, tax)
SELECT id, 'default', (at AT TIME ZONE 'Asia/Kolkata')::date, at,
    CASE n % 4 WHEN 0 THEN 'marketing' WHEN 1 THEN 'utility' ELSE 'service' END, template, campaign_id, 'INR',
    CASE n % 4 WHEN 0 THEN 880000 WHEN 1 THEN 130000 ELSE 0 END, 0, 0
FROM step WHERE state IN ('delivered', 'read')
"""

_CAMPAIGNS = """
INSERT INTO campaign (id, name, lane, kind, template, category, source, audience, error_share, state, created_at,
    changed_at, started_at, finished_at)
SELECT campaign_id, campaign_id, 'default', 'announcement', min(template), 'marketing', campaign_id || '.csv', count(*),
    0.05, 'finished', min(created_at), max(changed_at), min(created_at), max(changed_at)
FROM message WHERE campaign_id IS NOT NULL GROUP BY campaign_id
"""

_TABLES = ("message", "attempt", "trace", "event", "charge")

_GIVEN = (
    "id, reference, digest, recipient, body, state, code, due_at, planned_at, expires_at, created_at, changed_at, "
    "posted_at, campaign_id, producer, template, kind, category, claims, tries, epoch, job_id, whatsapp_id, lease_until"
)


def fill(deployment: Deployment, rows: int) -> None:
    """Write so many settled messages of the last twelve months, with POSTs, traces, events and charges."""
    with deployment.client() as client:
        pattern = client.send(text(0), to=recipient(0)).id
    with deployment.postgres.connect(deployment.ledger.url.database or "") as connection:
        connection.execute("SET synchronous_commit = off")
        for name in _TABLES:  # the end vacuums all of it once
            connection.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = off)".encode())
        indexes = _drop_indexes(connection)
        for first in reversed(range(1, rows + 1, STEP)):
            _write(connection, pattern, rows, first, min(first + STEP - 1, rows))
        connection.execute("DELETE FROM message WHERE id = %s", [pattern])
        connection.execute("SET maintenance_work_mem = '512MB'")
        for index in indexes:
            connection.execute(index.encode())
        for name in _TABLES:
            connection.execute(f"ALTER TABLE {name} RESET (autovacuum_enabled)".encode())
        connection.execute(_CAMPAIGNS)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def megabytes(deployment: Deployment) -> float:
    """Return the size of the ledger on the disk."""
    with deployment.postgres.connect(deployment.ledger.url.database or "") as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found, "one row"
    return float(found[0]) / 1e6


def _write(connection: Connection, pattern: str, rows: int, first: int, last: int) -> None:
    names = ", ".join(_common_columns(connection))
    values = {"rows": rows, "first": first, "last": last, "pattern": pattern, "names": names}
    values |= {
        "id": _ID.format(at="at"),
        "of_campaign": rows // CAMPAIGNS + 1,
        "uncertain": "n % 1000 = 2 AND n < 100000",
    }
    with connection.transaction():
        for statement in (_MESSAGES, _COPIES, _POSTS, _LINES, _EVENTS, _CHARGES):
            connection.execute(statement.format(**values).encode())


def _common_columns(connection: Connection) -> list[str]:
    """Return the columns of a message whose value is that of the pattern."""
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'message' ORDER BY 1"
    return [name for (name,) in connection.execute(query) if name not in _GIVEN.split(", ")]


def _drop_indexes(connection: Connection) -> list[str]:
    """Drop what is no primary key, and return the statements that create it: that is quicker than to keep it."""
    query = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary
    """
    found = connection.execute(query, [list(_TABLES)]).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}".encode())
    return [definition for _, definition in found]
