"""Indices of the gone and of MQLs in the words of the questions: SQLite takes `gone` and `gone = 1` for different conditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make both anew."""
    _anew("contacts_gone", "contacts", ["id"], "gone")
    _anew("verdicts_of_mqls", "verdicts", ["contact_id", "direct", "by_score"], "mql")


def _anew(name: str, table: str, columns: list[str], flag: str) -> None:
    rows = sa.column(flag, sa.Boolean) == sa.true()
    op.drop_index(name, table)
    op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)
