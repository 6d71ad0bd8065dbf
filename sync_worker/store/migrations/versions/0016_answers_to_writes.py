"""HubSpot's answer to each write, and its time; the undo log becomes the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns; the answers to earlier writes are not known."""
    for table, answer in (("replaced", "answers"), ("replaced_members", "answer")):
        op.add_column(table, sa.Column(answer, sa.Text))
        op.add_column(table, sa.Column("at", sa.BigInteger))
