"""The verdicts of the shadow model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "shadow_verdicts",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("evaluated_at", sa.BigInteger, nullable=False),
        sa.Column("score", sa.BigInteger, nullable=False),
        sa.Column("band", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("mql", sa.Boolean, nullable=False),
        sa.Column("by_score", sa.Boolean, nullable=False),
        sa.Column("mql_since", sa.BigInteger),
    )
