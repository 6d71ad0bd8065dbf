"""An index for the last runs: a service adds a run each minute, and each one looks for the last."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create the index."""
    op.create_index("runs_by_start", "runs", ["started_at"])
