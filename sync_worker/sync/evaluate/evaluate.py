"""Run the model over the contacts that are due, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection

from sync_worker.concurrency import map_prefetch
from sync_worker.model.compiled.facts import EVENT_SCHEMA, PREVIOUS_SCHEMA, Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.progress import Progress
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.verdicts import VerdictKey, VerdictRow
from sync_worker.sync.evaluate.parse_warnings import ParseWarnings
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.timestamps import to_ms

CHUNK_SIZE: Final = 50_000  # contacts: enough to be quick, small enough that memory does not grow with the portal
DUE_CHUNK_SIZE: Final = 25_000  # contacts, where their verdicts are to be written: these are in memory as rows besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """The model at work on this portal, at one instant."""

    model: Model
    crm_schema: CrmSchema
    hidden_kinds: frozenset[str]  # kinds of event that the portal does not show one by one
    now: datetime
    valid_since: datetime  # an older verdict does not stand: time alone has changed it
    raise_if_stopped: Callable[[], None] = lambda: None  # raises where the run is to end
    parse_warnings: ParseWarnings = field(default_factory=ParseWarnings)

    @property
    def verdict_key(self) -> VerdictKey:
        """Return what a verdict must have been made by to stand."""
        return VerdictKey(model=self.crm_schema.version, since=to_ms(self.valid_since))

    def evaluate_due(
        self, store: Store, progress: Progress, *, chunk_size: int = DUE_CHUNK_SIZE, only_ids: Sequence[int] | None = None
    ) -> int:
        """Judge everybody who is due, of all or `among` some; return how many that were.

        A chunk's verdicts are committed as soon as they are made, so that a stop loses the chunks under way at most; between two, `heed`
        is asked whether to go on.
        """
        return sum(self._evaluate_chunks(store, progress, chunk_size, only_ids))

    def _evaluate_chunks(self, store: Store, progress: Progress, chunk_size: int, only_ids: Sequence[int] | None) -> Iterator[int]:
        self.raise_if_stopped()
        due = _due_batches(store, self.model, self.hidden_kinds, self.verdict_key, chunk_size=chunk_size, only_ids=only_ids)
        for judged, verdict in map_prefetch(due, lambda batch: (batch.revisions, evaluate(batch.facts, self.model, self.now))):
            with store.transaction() as tx:
                verdicts.save(tx, self._verdict_rows(verdict), revisions=judged, key=self.verdict_key, at=to_ms(self.now))
            self.parse_warnings.add(verdict.unreadable)
            progress.advance("evaluated", len(judged))
            yield len(judged)
            self.raise_if_stopped()

    def _verdict_rows(self, batch_verdicts: Verdicts) -> list[VerdictRow]:
        rows, desired = batch_verdicts.table.select(VerdictRow._fields[:-1]).rows(), self.crm_schema.desired_json(batch_verdicts.table)
        return [VerdictRow._make((*row, text)) for row, text in zip(rows, desired, strict=True)]


def evaluate_all(store: Store, model: Model, hidden_kinds: frozenset[str], at: datetime) -> Iterator[Verdicts]:
    """Yield verdicts on every contact, a chunk at a time, due or not; nothing is remembered of them."""
    everyone = _due_batches(
        store, model, hidden_kinds, VerdictKey(model="", since=0), chunk_size=CHUNK_SIZE
    )  # a standard that no verdict meets
    return map_prefetch(everyone, lambda batch: evaluate(batch.facts, model, at))


@dataclass(frozen=True, slots=True, kw_only=True)
class _FactsBatch:
    """Some contacts' facts, and which revision of them each contact's are."""

    revisions: Mapping[int, int]
    facts: Facts


def _due_batches(
    store: Store,
    model: Model,
    hidden_kinds: frozenset[str],
    verdict_key: VerdictKey,
    *,
    chunk_size: int,
    only_ids: Sequence[int] | None = None,
) -> Iterator[_FactsBatch]:
    """Yield who is due by a standard with their facts, a chunk at a time."""
    after = 0
    while True:
        with store.transaction() as tx:
            revisions = verdicts.select_due(tx, verdict_key, after=after, limit=chunk_size, only_ids=only_ids)
            if not revisions:
                return
            batch = _FactsBatch(revisions=revisions, facts=load_facts(tx, model, hidden_kinds))
        yield batch
        after = max(revisions)


def load_facts(tx: Connection, model: Model, hidden_kinds: frozenset[str]) -> Facts:
    """Return the facts of the contacts that were chosen in this transaction."""
    rows = verdicts.load_selected_contacts(tx)
    by_score = verdicts.load_mqls_by_score(tx)
    return Facts(
        contacts=_contact_frame(rows, model),
        events=pl.concat([build_frame(part, EVENT_SCHEMA) for part in ((), *verdicts.load_selected_events(tx))]),
        previous=build_frame([(id_, True) for id_ in by_score], PREVIOUS_SCHEMA),
        hidden_kinds=hidden_kinds,
    )


def build_frame(rows: Sequence[Sequence[Any]], schema: Any) -> pl.DataFrame:  # noqa: ANN401 -- a Polars schema
    """Return rows as a frame; by columns, which is several times quicker than by rows."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pl.DataFrame({name: pl.Series(name, column, dtype=dtype) for (name, dtype), column in zip(schema.items(), columns, strict=True)})


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
