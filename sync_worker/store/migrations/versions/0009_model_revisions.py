"""The log of the model replaces the table of approvals, which kept only the last note of each model; score reports are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create both tables and move the approvals."""
    revisions = op.create_table(
        "model_revisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "model", "author", "note")),
        *(sa.Column(name, sa.Text) for name in ("document", "report", "effect")),
    )
    approvals = sa.table("approvals", sa.column("model"), sa.column("at"), sa.column("note"))
    moved = sa.select(approvals.c.at, sa.literal("approval"), approvals.c.model, sa.literal(""), approvals.c.note).order_by(approvals.c.at)
    op.execute(sa.insert(revisions).from_select(["at", "kind", "model", "author", "note"], moved))
    op.drop_table("approvals")
    op.create_table(
        "score_reports",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
