"""The database of the fleet: its URL, its tables and the schemas of the portals' states."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sync_worker.errors import ConfigurationError, StateError
from sync_worker.fleet import schema
from sync_worker.store.database import POSTGRES_OPTIONS, translate_db_errors

LOCK_KEY: Final = 20_431_776  # of the advisory lock while the tables are created
EXAMPLE: Final = "Example: postgresql+psycopg://user@host/fleet."


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDatabase:
    """The PostgreSQL database of a fleet; safe to use from several threads."""

    url: URL
    engine: Engine

    @classmethod
    def connect(cls, url: str | None, *, connections: int = 2) -> Self:
        """Return the database of a URL; nothing is opened yet. Raises ConfigurationError if it is no URL of PostgreSQL."""
        if not url:
            raise ConfigurationError("SYNC_WORKER_FLEET_URL is not set.", hint=EXAMPLE)
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ConfigurationError("SYNC_WORKER_FLEET_URL is not a database URL.", hint=EXAMPLE) from None
        if parsed.get_backend_name() != "postgresql":
            raise ConfigurationError("SYNC_WORKER_FLEET_URL: a fleet needs PostgreSQL.", hint=EXAMPLE)
        parsed = parsed.set(drivername="postgresql+psycopg")
        options = {key: value for key, value in POSTGRES_OPTIONS.items() if key not in parsed.query}
        engine = create_engine(
            select_schema(parsed, schema.SCHEMA),
            hide_parameters=True,
            connect_args=options,
            pool_size=connections,
            pool_pre_ping=True,
        )
        return cls(url=parsed, engine=engine)

    @property
    def location(self) -> str:
        """Return the address without the password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def connection_string(self) -> str:
        """Return the address for libpq, with the password, and with the options by which a connection notices that it is dead."""
        url = select_schema(self.url, schema.SCHEMA).set(drivername="postgresql")
        options = {key: str(value) for key, value in POSTGRES_OPTIONS.items() if key not in url.query}
        return url.update_query_dict(options).render_as_string(hide_password=False)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction; raises StateBusy if the database does not respond."""
        try:
            with translate_db_errors(self.url), self.engine.begin() as connection:
                yield connection
        except StateError as error:
            raise StateError(error.message, hint="Check SYNC_WORKER_FLEET_URL and the rights of its user.") from error

    def require_tables(self) -> None:
        """Raise ConfigurationError if the database has no fleet, or one of a later version; update the tables of an earlier version."""
        with self.transaction() as tx:
            applied = _load_applied(tx)
        if applied is None:
            raise ConfigurationError(f"{self.location} has no fleet yet.", hint="`sync-worker fleet add` creates it with the first portal.")
        self._refuse_later(applied)
        if not applied.issuperset(_list_migrations()):
            self.create_tables()

    def create_tables(self) -> None:
        """Create the tables of the fleet and of the job queue, or apply what later versions have added.

        Raises ConfigurationError if a later version has changed the tables already.
        """
        from procrastinate.schema import SchemaManager  # noqa: PLC0415 -- only this function needs the queue

        names = _list_migrations()
        with self.transaction() as tx:
            tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            applied = _load_applied(tx)
            if applied is None:
                tx.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema.SCHEMA}"))
                schema.metadata.create_all(tx, checkfirst=False)
                _run_script(tx, SchemaManager.get_schema())
            else:
                self._refuse_later(applied)
            new = [name for name in names if name not in (applied or ())]
            for name in new if applied is not None else ():
                _apply(tx, name)
            if new:
                tx.execute(insert(schema.migrations), [{"name": name} for name in new])

    def _refuse_later(self, applied: set[str]) -> None:
        if later := sorted(name for name in applied if name.startswith("portals-") and name not in schema.VERSIONS):
            raise ConfigurationError(
                f"{self.location}: a later version of sync-worker has changed the fleet ({later[-1]}).",
                hint="Update this installation.",
            )

    def state_url(self, name: str) -> str:
        """Return the URL of the state of a portal: a schema of this database."""
        return select_schema(self.url, state_schema(name)).render_as_string(hide_password=False)

    def create_state_schema(self, name: str) -> None:
        """Create the schema of a portal's state, if it does not exist."""
        with self.transaction() as tx:
            tx.execute(text(f"CREATE SCHEMA IF NOT EXISTS {state_schema(name)}"))

    def drop_state_schema(self, name: str) -> None:
        """Delete the state of a portal."""
        with self.transaction() as tx:
            tx.execute(text(f"DROP SCHEMA IF EXISTS {state_schema(name)} CASCADE"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def state_schema(name: str) -> str:
    """Return the schema of a portal's state. A name has no underscore, so two names have two schemas."""
    return f"portal_{name.replace('-', '_')}"


def select_schema(url: URL, name: str) -> URL:
    """Return a URL whose unqualified names belong to a schema."""
    own = url.query.get("options", "")
    options = f"{own if isinstance(own, str) else ' '.join(own)} -csearch_path={name}".strip()
    return url.update_query_dict({"options": options})


def _list_migrations() -> list[str]:
    """Return the versions of the fleet's tables, then the migrations of the job queue."""
    scripts = resources.files("procrastinate.sql").joinpath("migrations").iterdir()
    return [*schema.VERSIONS, *sorted(path.name for path in scripts if path.name[:1].isdigit())]


def _load_applied(tx: Connection) -> set[str] | None:
    """Return what has been applied, or None if the database has no fleet."""
    if not inspect(tx).has_table(schema.migrations.name, schema=schema.SCHEMA):
        return None
    return set(tx.execute(select(schema.migrations.c.name)).scalars())


def _apply(tx: Connection, name: str) -> None:
    for statement in schema.VERSIONS.get(name, ()):
        tx.execute(statement)
    if name not in schema.VERSIONS:
        _run_script(tx, resources.files("procrastinate.sql").joinpath("migrations", name).read_text(encoding="utf-8"))


def _run_script(tx: Connection, script: str) -> None:
    # The driver sends a script of many statements only without parameters, and SQLAlchemy always passes some.
    driver: Any = tx.connection.driver_connection
    driver.execute(script)
