"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table("meta", sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    op.create_table(
        "contacts",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("email", sa.Text),
        sa.Column("company_id", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("stage", sa.Text),
        sa.Column("stage_given", sa.Text),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("sweep", sa.Integer, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
    )
    op.create_index("contacts_by_company", "contacts", ["company_id"])
    op.create_table(
        "addresses",
        sa.Column("email", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.create_index("addresses_by_contact", "addresses", ["contact_id"])
    op.create_table(
        "companies",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("contact_id", sa.BigInteger),
        sa.Column("email", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("form_id", sa.Text),
        sa.Column("campaign", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("user_agent", sa.Text),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("filtered", sa.Boolean, nullable=False),
    )
    op.create_index("events_by_contact", "events", ["contact_id"])
    op.create_index("events_by_email", "events", ["email"])
    op.create_table("forms", sa.Column("id", sa.Text, primary_key=True), sa.Column("name", sa.Text, nullable=False))
    op.create_table(
        "coverage",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("low", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("high", sa.BigInteger, nullable=False),
    )
    _create_verdict_tables()
    _create_run_tables()


def _create_verdict_tables() -> None:
    op.create_table(
        "verdicts",
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("evaluated_at", sa.BigInteger, nullable=False),
        sa.Column("score", sa.BigInteger, nullable=False),
        sa.Column("band", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("mql", sa.Boolean, nullable=False),
        sa.Column("by_score", sa.Boolean, nullable=False),
        sa.Column("direct", sa.Boolean, nullable=False),
        sa.Column("desired", sa.Text, nullable=False),
    )
    op.create_table(
        "lists",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_table(
        "memberships",
        sa.Column("list", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ours", sa.Boolean, nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
    )
    op.create_table(
        "rejections",
        sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("desired", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _create_run_tables() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("exit_code", sa.Integer),
        sa.Column("report", sa.Text),
    )
    op.create_table(
        "approvals",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
