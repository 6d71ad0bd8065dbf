"""Rejections of each part of a contact on its own: its properties, its stage, its membership in a list; with the time of the next try."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_COLUMNS = "contact_id, desired, reason, at, held"


def upgrade() -> None:
    """Recreate the table with the new key.

    An earlier version did not save the cause, so each rejection is tried again once. Values that `undo` restored stay.
    """
    op.create_table(
        "new_rejections",
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("desired", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("tried_at", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("retry_at", sa.BigInteger),
        sa.Column("contact_updated_at", sa.BigInteger, nullable=False),
        sa.Column("invalid", sa.Text),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO new_rejections ({_COLUMNS}, part, tried_at, tries, retry_at, contact_updated_at)"  # noqa: S608 -- constants
        f" SELECT {_COLUMNS}, 'properties', at, 1, CASE WHEN held THEN NULL ELSE 0 END, 0 FROM rejections"
    )
    op.drop_table("rejections")
    op.rename_table("new_rejections", "rejections")
    op.create_index("rejections_by_part", "rejections", ["part"])
