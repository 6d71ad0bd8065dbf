"""Messages to sales about new MQLs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "hand_offs",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("reference", sa.Text),
        sa.Column("reason", sa.Text),
    )
