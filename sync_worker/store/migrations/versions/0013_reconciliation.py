"""Contacts whose facts were missing, and contacts for which HubSpot counts other events than it shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ID_TYPE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table("repairs", sa.Column("contact_id", ID_TYPE, primary_key=True, autoincrement=False))
    op.create_table(
        "counter_checks",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("counted", sa.BigInteger, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
