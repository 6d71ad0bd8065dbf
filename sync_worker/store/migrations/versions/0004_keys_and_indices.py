"""Keys that are row ids in SQLite, and indices for queries over all contacts."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEYS: Final = {"contacts": "id", "companies": "id", "verdicts": "contact_id", "rejections": "contact_id", "admissions": "contact_id"}
_BY_KEY_ALONE: Final = ("addresses", "memberships")


def upgrade() -> None:
    """Recreate the tables in SQLite, and create the indices."""
    if op.get_bind().dialect.name == "sqlite":
        for table, key in _KEYS.items():
            with op.batch_alter_table(table, recreate="always") as batch:
                batch.alter_column(key, existing_type=sa.BigInteger, type_=sa.Integer, existing_nullable=False)
        for table in _BY_KEY_ALONE:
            with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_with_rowid": False}):
                pass
    here, gone, mql = (sa.column(name, sa.Boolean) for name in ("gone", "gone", "mql"))
    _index("contacts_here", "contacts", ["id", "revision"], ~here)
    _index("contacts_changed", "contacts", ["updated_at"], ~here)
    _index("contacts_gone", "contacts", ["id"], gone)
    _index("verdicts_of_mqls", "verdicts", ["contact_id", "direct", "by_score"], mql)
    op.create_index("verdicts_by_band", "verdicts", ["band"])


def _index(name: str, table: str, columns: list[str], rows: sa.ColumnElement[bool]) -> None:
    op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)
