"""Evaluate the contacts that are due, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import polars as pl
from sqlalchemy import Connection

from sync_worker.concurrency import map_prefetch
from sync_worker.model.compiled.facts import EVENT_SCHEMA, PREVIOUS_SCHEMA, SUBSCRIPTIONS, Facts
from sync_worker.model.compiled.frames import build_frame
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.lookup.standard_properties import SUBSCRIPTION_PROPERTIES
from sync_worker.progress import Progress
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.verdicts import VerdictKey, VerdictRow
from sync_worker.store.writes import mql_admissions, mql_starts
from sync_worker.sync.evaluate.parse_warnings import ParseWarnings
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.timestamps import to_ms

CHUNK_SIZE: Final = 50_000  # contacts; large for speed, limited for memory
SUBSCRIPTION_SCHEMA: Final[Mapping[str, type[pl.DataType]]] = {"contact_id": pl.Int64, **dict.fromkeys(SUBSCRIPTION_PROPERTIES, pl.String)}
DUE_CHUNK_SIZE: Final = 25_000  # smaller, because the verdicts to save are in memory too

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Evaluates the contacts of a portal by one model, as of one instant."""

    model: Model
    crm_schema: CrmSchema
    hidden_kinds: frozenset[str]  # event kinds that the portal does not show
    now: datetime
    valid_since: datetime  # older verdicts are out of date, because scores change with time
    raise_if_stopped: Callable[[], None] = lambda: None  # raises if the run must stop
    parse_warnings: ParseWarnings = field(default_factory=ParseWarnings)

    @property
    def verdict_key(self) -> VerdictKey:
        """Return the key of a current verdict."""
        return VerdictKey(model=self.crm_schema.version, since=to_ms(self.valid_since))

    def has_due(self, store: Store) -> bool:
        """Return whether any contact is due."""
        with store.transaction() as tx:
            return bool(verdicts.select_due(tx, self.verdict_key, after=0, limit=1))

    def evaluate_due(
        self, store: Store, progress: Progress, *, chunk_size: int = DUE_CHUNK_SIZE, only_ids: Sequence[int] | None = None
    ) -> int:
        """Evaluate the contacts that are due, of all or of `only_ids`; return their number.

        Each chunk is committed, so that a stop loses only the chunks in flight. `raise_if_stopped` is called after each chunk.
        """
        return sum(self._evaluate_chunks(store, progress, chunk_size, only_ids))

    def _evaluate_chunks(self, store: Store, progress: Progress, chunk_size: int, only_ids: Sequence[int] | None) -> Iterator[int]:
        self.raise_if_stopped()
        due = _due_batches(store, self.model, self.hidden_kinds, self.verdict_key, chunk_size=chunk_size, only_ids=only_ids)
        for batch, chunk_verdicts in map_prefetch(due, lambda batch: (batch, evaluate(batch.facts, self.model, self.now))):
            rows, revisions = self._verdict_rows(chunk_verdicts, batch.starts), batch.revisions
            with store.transaction() as tx:
                verdicts.save(tx, rows, revisions=revisions, key=self.verdict_key, at=to_ms(self.now))
                # Only a new verdict shows that a deferred contact no longer qualifies, because the quota changes the saved one.
                mql_admissions.delete_deferred(tx, [row.contact_id for row in rows if not row.mql])
            self.parse_warnings.add(chunk_verdicts.unreadable)
            progress.advance("evaluated", len(revisions))
            yield len(revisions)
            self.raise_if_stopped()

    def _verdict_rows(self, batch_verdicts: Verdicts, starts: Mapping[int, tuple[str, str]]) -> list[VerdictRow]:
        # The state has "" for no grade.
        table = batch_verdicts.table.with_columns(pl.col("grade").fill_null(""))
        rows, desired = table.select(VerdictRow._fields[:-1]).rows(), self.crm_schema.desired_json(batch_verdicts.table, starts)
        return [VerdictRow._make((*row, text)) for row, text in zip(rows, desired, strict=True)]


def evaluate_all(store: Store, model: Model, hidden_kinds: frozenset[str], at: datetime) -> Iterator[Verdicts]:
    """Yield verdicts on all contacts, due or not, in chunks. They are not saved."""
    return map_facts(store, model, hidden_kinds, lambda facts: evaluate(facts, model, at))


def map_facts(store: Store, model: Model, hidden_kinds: frozenset[str], function: Callable[[Facts], T]) -> Iterator[T]:
    """Yield the results of a function of the facts of all contacts, due or not, in chunks. Other threads call the function."""
    no_verdict = VerdictKey(model="", since=0)
    batches = _due_batches(store, model, hidden_kinds, no_verdict, chunk_size=CHUNK_SIZE)
    return map_prefetch(batches, lambda batch: function(batch.facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _FactsBatch:
    """The facts of some contacts, the revision of each contact, and the starts of MQLs; see `CrmSchema.desired_json`."""

    revisions: Mapping[int, int]
    facts: Facts
    starts: Mapping[int, tuple[str, str]]


def _due_batches(
    store: Store,
    model: Model,
    hidden_kinds: frozenset[str],
    verdict_key: VerdictKey,
    *,
    chunk_size: int,
    only_ids: Sequence[int] | None = None,
) -> Iterator[_FactsBatch]:
    """Yield the facts of the contacts without a current verdict, in chunks."""
    after = 0
    while True:
        with store.transaction() as tx:
            revisions = verdicts.select_due(tx, verdict_key, after=after, limit=chunk_size, only_ids=only_ids)
            if not revisions:
                return
            batch = _FactsBatch(revisions=revisions, facts=load_facts(tx, model, hidden_kinds), starts=load_starts(tx))
        yield batch
        after = max(revisions)


def load_facts(tx: Connection, model: Model, hidden_kinds: frozenset[str], *, retained: Sequence[int] | None = None) -> Facts:
    """Return the facts of the contacts selected in this transaction.

    `retained`: those that were MQLs by score before; by default those in HubSpot's list of these MQLs.
    """
    rows = verdicts.load_selected_contacts(tx)
    admitted = verdicts.load_admitted_mqls(tx) if retained is None else retained
    contacts = _contact_frame(rows, model)
    if SUBSCRIPTIONS in model.source_kinds - hidden_kinds:
        statuses = build_frame(verdicts.load_selected_subscriptions(tx), SUBSCRIPTION_SCHEMA)
        contacts = contacts.join(statuses, on="contact_id", how="left", maintain_order="left")
    return Facts(
        contacts=contacts,
        events=pl.concat([build_frame(part, EVENT_SCHEMA) for part in ((), *verdicts.load_selected_events(tx))]),
        previous=build_frame([(id_, True) for id_ in admitted], PREVIOUS_SCHEMA),
        hidden_kinds=hidden_kinds,
    )


def load_starts(tx: Connection) -> dict[int, tuple[str, str]]:
    """Return the starts of the selected contacts, as `CrmSchema.desired_json` takes them."""
    return {start.contact_id: start.texts for start in mql_starts.load_selected(tx)}


def _contact_frame(rows: Sequence[Sequence[Any]], model: Model) -> pl.DataFrame:
    ids, own, company = zip(*rows, strict=True) if rows else ((), (), ())
    return pl.concat(
        [
            pl.DataFrame({"contact_id": pl.Series(ids, dtype=pl.Int64)}),
            _property_frame(own, sorted(model.contact_properties), ""),
            _property_frame(company, sorted(model.company_properties), "company."),
        ],
        how="horizontal",
    )


def _property_frame(json_texts: Sequence[str | None], names: Sequence[str], prefix: str) -> pl.DataFrame:
    if not names:
        return pl.DataFrame()
    decoded = pl.Series("facts", json_texts, dtype=pl.String).str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    return decoded.struct.unnest().rename({name: f"{prefix}{name}" for name in names})
