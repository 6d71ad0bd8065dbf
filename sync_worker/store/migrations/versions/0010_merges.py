"""The contact that a merged-away id is part of, so that its late events are assigned to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "merges",
        sa.Column("old_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("contact_id", sa.BigInteger, nullable=False),
    )
    op.create_index("merges_by_contact", "merges", ["contact_id"])
