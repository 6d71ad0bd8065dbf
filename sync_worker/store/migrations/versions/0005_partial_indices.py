"""Partial indices with the conditions of the queries: for SQLite, `gone` and `gone = 1` are different conditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Recreate both indices."""
    _recreate("contacts_gone", "contacts", ["id"], "gone")
    _recreate("verdicts_of_mqls", "verdicts", ["contact_id", "direct", "by_score"], "mql")


def _recreate(name: str, table: str, columns: list[str], flag: str) -> None:
    rows = sa.column(flag, sa.Boolean) == sa.true()
    op.drop_index(name, table)
    op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)
