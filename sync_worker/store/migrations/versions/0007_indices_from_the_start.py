"""Create the indices that a state lacks whose first scan was interrupted; new states have them from the start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the missing indices, and delete what the deferred creation left in `meta`."""
    for name in ("email", "company_id"):
        known = sa.column(name).is_not(None)
        _ensure(f"contacts_by_{name.removesuffix('_id')}", [name], known)
    _ensure("contacts_here", ["id", "revision", "updated_at", "sweep"], ~sa.column("gone", sa.Boolean))
    op.execute("DELETE FROM meta WHERE key IN ('filling', 'unjudged')")


def _ensure(name: str, columns: list[str], rows: sa.ColumnElement[bool]) -> None:
    op.create_index(name, "contacts", columns, if_not_exists=True, sqlite_where=rows, postgresql_where=rows)
