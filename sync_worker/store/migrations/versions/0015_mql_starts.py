"""Since when each MQL is one, and the reasons of that moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table. The members of the MQL list have been MQLs since an unknown time, unless the daily quota has admitted them."""
    op.create_table(
        "mql_starts",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger),
        sa.Column("reasons", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO mql_starts (contact_id, model, since, reasons) SELECT m.contact_id, '', a.admitted_at, '' FROM memberships m"
        " JOIN verdicts v ON v.contact_id = m.contact_id LEFT JOIN admissions a ON a.contact_id = m.contact_id"
        " WHERE m.list = 'mql' AND m.acknowledged AND m.ours AND v.mql"
    )
