"""The primary email only in `contacts`, and one index for queries over all contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

OWN_ADDRESSES = """
    DELETE FROM addresses
    WHERE EXISTS (SELECT 1 FROM contacts WHERE contacts.id = addresses.contact_id AND contacts.email = addresses.email)
"""


def upgrade() -> None:
    """Delete the duplicate emails and recreate the indices."""
    op.execute(OWN_ADDRESSES)
    op.drop_index("contacts_by_company", "contacts")
    op.drop_index("contacts_changed", "contacts")
    op.drop_index("contacts_here", "contacts")
    for name in ("email", "company_id"):
        known = sa.column(name).is_not(None)
        label = name.removesuffix("_id")
        op.create_index(f"contacts_by_{label}", "contacts", [name], sqlite_where=known, postgresql_where=known)
    here = ~sa.column("gone", sa.Boolean)
    columns = ["id", "revision", "updated_at", "sweep"]
    op.create_index("contacts_here", "contacts", columns, sqlite_where=here, postgresql_where=here)
