"""Leases, and the values that each run replaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables. The values that older runs replaced are not known."""
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.add_column("rejections", sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "replaced",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    op.create_index("replaced_by_contact", "replaced", ["contact_id"])
    op.create_table(
        "replaced_members",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("list", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("added", sa.Boolean, nullable=False),
    )
    op.create_index("replaced_members_by_contact", "replaced_members", ["contact_id"])
