"""The email subscriptions of contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "subscriptions",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("email", sa.Text),
        sa.Column("subscribed_to", sa.Text),
        sa.Column("unsubscribed_from", sa.Text),
    )
