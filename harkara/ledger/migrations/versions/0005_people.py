"""Give contacts longer names, and group the names of one person.

The rows stay as they are, so that a large table is not locked: the sweep of the new release gives each a person, the
newest choices first, and records each choice under all spellings of the number.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNSETTLED = "wished_at IS NOT NULL AND (settled_at IS NULL OR wished_at <> settled_at)"
LINKED = "wished_at IS NULL AND wrote_at IS NULL"


def upgrade() -> None:
    short, long = (sqlmodel.sql.sqltypes.AutoString(length=length) for length in (15, 135))
    with op.batch_alter_table("contact") as contact:
        contact.alter_column("recipient", existing_type=short, type_=long, existing_nullable=False)
        contact.add_column(sa.Column("person", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
        contact.add_column(sa.Column("settled_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        contact.add_column(sa.Column("linked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    with op.batch_alter_table("consent") as consent:
        consent.alter_column("recipient", existing_type=short, type_=long, existing_nullable=False)
    op.create_index("ix_contact_person", "contact", ["person"], unique=False)
    for name, column, condition in _PARTIAL:
        op.create_index(
            name,
            "contact",
            [column],
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


_PARTIAL = (
    ("ix_contact_linked", "linked_at", LINKED),
    ("ix_contact_unexamined", "recipient", "person IS NULL"),
    ("ix_contact_unsettled", "wished_at", UNSETTLED),
)


def downgrade() -> None:
    # The release before knows digits alone: a choice under a user id becomes one under a number of the same person.
    op.execute(
        """
        UPDATE consent SET recipient = (
            SELECT MIN(number.recipient) FROM contact AS number JOIN contact AS hidden
                ON hidden.person = number.person AND hidden.lane = number.lane
            WHERE hidden.lane = consent.lane AND hidden.recipient = consent.recipient
                AND number.recipient NOT LIKE '%.%'
        )
        WHERE recipient LIKE '%.%' AND EXISTS (
            SELECT 1 FROM contact AS number JOIN contact AS hidden
                ON hidden.person = number.person AND hidden.lane = number.lane
            WHERE hidden.lane = consent.lane AND hidden.recipient = consent.recipient
                AND number.recipient NOT LIKE '%.%'
        )
        """
    )
    op.execute("DELETE FROM consent WHERE recipient LIKE '%.%'")
    op.execute("DELETE FROM contact WHERE recipient LIKE '%.%'")
    for name, _, condition in reversed(_PARTIAL):
        op.drop_index(name, table_name="contact", sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
    op.drop_index("ix_contact_person", table_name="contact")
    short, long = (sqlmodel.sql.sqltypes.AutoString(length=length) for length in (15, 135))
    with op.batch_alter_table("consent") as consent:
        consent.alter_column("recipient", existing_type=long, type_=short, existing_nullable=False)
    with op.batch_alter_table("contact") as contact:
        contact.alter_column("recipient", existing_type=long, type_=short, existing_nullable=False)
        contact.drop_column("linked_at")
        contact.drop_column("settled_at")
        contact.drop_column("person")
