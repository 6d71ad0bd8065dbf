"""A flag for runs that are done; an error may end a run with exit code 1 as well."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the flag. An earlier run is done if it ended with exit code 0 or 1 and its report contains no error."""
    op.add_column("runs", sa.Column("done", sa.Boolean, nullable=False, server_default=sa.false()))
    runs = sa.table("runs", sa.column("id", sa.Text), sa.column("exit_code", sa.Integer), sa.column("report", sa.Text), sa.column("done"))
    ended = op.get_bind().execute(sa.select(runs.c.id, runs.c.report).where(runs.c.exit_code.in_((0, 1))))
    done = [{"run": row.id} for row in ended if "error" not in json.loads(row.report or "{}")]
    if done:
        op.get_bind().execute(sa.update(runs).where(runs.c.id == sa.bindparam("run")).values(done=sa.true()), done)
