"""Former emails of contacts, further emails among the facts, and the last read of each company."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ADDRESSES = sa.text("SELECT contact_id, email FROM addresses ORDER BY contact_id, email")
FACTS = sa.text("SELECT facts FROM contacts WHERE id = :id")
NEW_FACTS = sa.text("UPDATE contacts SET facts = :facts, revision = revision + 1 WHERE id = :id")


def upgrade() -> None:
    """Create the table and the column.

    Conditions on `email` now look at further emails too, so these are copied to the facts of models that use `email`.
    """
    op.create_table(
        "former_addresses",
        sa.Column("email", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("former_addresses_by_contact", "former_addresses", ["contact_id"])
    op.add_column("companies", sa.Column("read_at", sa.BigInteger, nullable=False, server_default="0"))
    connection = op.get_bind()
    emails: dict[int, list[str]] = {}
    for contact_id, email in connection.execute(ADDRESSES):
        emails.setdefault(contact_id, []).append(email)
    for contact_id, own in emails.items():
        facts = connection.execute(FACTS, {"id": contact_id}).scalar()
        if facts is not None and "email" in json.loads(facts):
            text = json.dumps(
                json.loads(facts) | {"hs_additional_emails": ";".join(own)}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            connection.execute(NEW_FACTS, {"id": contact_id, "facts": text})
