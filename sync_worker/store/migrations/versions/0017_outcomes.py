"""Deals, lifecycle stages and earlier values of properties, and the times of merges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the tables, and the column of the times."""
    op.add_column("merges", sa.Column("at", sa.BigInteger))
    op.create_table(
        "deals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger),
        sa.Column("pipeline", sa.Text),
        sa.Column("stage", sa.Text),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("won", sa.Boolean, nullable=False),
        sa.Column("amount", sa.Double),
    )
    op.create_table(
        "deal_contacts",
        sa.Column("deal_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("deal_contacts_by_contact", "deal_contacts", ["contact_id"])
    op.create_table(
        "stage_dates",
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "property_values",
        sa.Column("object_type", sa.Text, primary_key=True),
        sa.Column("record_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history_reads",
        sa.Column("object_type", sa.Text, primary_key=True),
        sa.Column("record_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("read_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
