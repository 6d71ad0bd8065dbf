"""The tables of the fleet. They share a schema with the job queue; each portal's state has its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Executable, Float, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import CreateTable

SCHEMA: Final = "fleet"
metadata: Final = MetaData()
TIME: Final = DateTime(timezone=True)

portals: Final = Table(
    "portals",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text, nullable=False),  # where the token is, never the token
    Column("model", Text, nullable=False),
    Column("state_url", Text),  # or a reference to it; NULL: a schema of the fleet's database
    Column("settings", JSONB, nullable=False),  # those that differ from the settings of the worker process
    Column("priority", Integer, nullable=False),
    # Two entries for one portal would write different scores into the same properties.
    Column("portal_id", BigInteger, unique=True),  # NULL until the first run, if `add` did not check
    Column("paused_at", TIME),
    Column("pause_reason", Text),
    Column("next_run_at", TIME, nullable=False, index=True),
    Column("next_run", Text, nullable=False),  # its kind
    Column("rescan_not_before", TIME),  # after a rescan that failed
    Column("started_at", TIME),
    Column("started_on", Text),  # host and process of the worker
    Column("finished_at", TIME),
    Column("last_run", Text),  # its kind
    Column("seconds", Float),
    Column("exit_code", Integer),
    Column("error", Text),
    Column("cause", Text),  # of the error, as in the metrics of `serve`
    Column("last_done_at", TIME),
    Column("failing_since", TIME),
    Column("fatal_since", TIME),
    Column("failures", Integer, nullable=False),
    Column("fatal_failures", Integer, nullable=False),
    Column("contacts", Integer),
    Column("mqls", Integer),
    Column("held_back", Integer),
    Column("read_to", TIME),  # the oldest cursor
)

workers: Final = Table(
    "workers",
    metadata,
    Column("place", Text, primary_key=True),  # host and process
    Column("version", Text, nullable=False),
    Column("short_runs", Integer, nullable=False),
    Column("long_runs", Integer, nullable=False),
    Column("started_at", TIME, nullable=False),
    Column("seen_at", TIME, nullable=False),  # by the clock of the database, as all machines share it
)

#: What has been applied to the database: the changes of the tables above, and each migration of the job queue.
migrations: Final = Table("migrations", metadata, Column("name", Text, primary_key=True))

#: The tables by version: the statements that turn the tables of the version before into these.
VERSIONS: Final[Mapping[str, Sequence[Executable]]] = {
    "portals-1": (),
    "portals-2": (text(f"ALTER TABLE {SCHEMA}.portals ADD COLUMN cause TEXT"), CreateTable(workers)),
}
