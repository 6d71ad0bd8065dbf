"""Run the model over the contacts that are due, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection

from sync_worker.concurrency import ahead
from sync_worker.model.compiled.facts import EVENT_SCHEMA, PREVIOUS_SCHEMA, Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.progress import Progress
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.verdicts import VerdictKey
from sync_worker.sync.evaluate.parse_warnings import Misread
from sync_worker.sync.portal.crm_schema import Outputs
from sync_worker.timestamps import to_ms

CHUNK: Final = 50_000  # contacts: enough to be quick, small enough that memory does not grow with the portal
DUE: Final = 25_000  # contacts, where their verdicts are to be written: these are in memory as rows besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The model at work on this portal, at one instant."""

    model: Model
    outputs: Outputs
    hidden: frozenset[str]  # kinds of event that the portal does not show one by one
    now: datetime
    since: datetime  # an older verdict does not stand: time alone has changed it
    heed: Callable[[], None] = lambda: None  # raises where the run is to end
    misread: Misread = field(default_factory=Misread)

    @property
    def standard(self) -> VerdictKey:
        """Return what a verdict must have been made by to stand."""
        return VerdictKey(model=self.outputs.stamp, since=to_ms(self.since))

    def judge_due(self, store: Store, progress: Progress, *, chunk: int = DUE, among: Sequence[int] | None = None) -> int:
        """Judge everybody who is due, of all or `among` some; return how many that were.

        A chunk's verdicts are committed as soon as they are made, so that a stop loses the chunks under way at most; between two, `heed`
        is asked whether to go on.
        """
        return sum(self._chunks(store, progress, chunk, among))

    def _chunks(self, store: Store, progress: Progress, chunk: int, among: Sequence[int] | None) -> Iterator[int]:
        self.heed()
        due = _chosen(store, self.model, self.hidden, self.standard, chunk=chunk, among=among)
        for judged, verdict in ahead(due, lambda batch: (batch.revisions, evaluate(batch.facts, self.model, self.now))):
            with store.transaction() as tx:
                verdicts.save(tx, self._rows(verdict), revisions=judged, key=self.standard, at=to_ms(self.now))
            self.misread.note(verdict.unreadable)
            progress.advance("evaluated", len(judged))
            yield len(judged)
            self.heed()

    def _rows(self, judged: Verdicts) -> list[dict[str, Any]]:
        kept = ("contact_id", "score", "band", "grade", "mql", "by_score", "direct")
        rows: list[dict[str, Any]] = judged.table.select(kept).to_dicts()
        for row, desired in zip(rows, self.outputs.desired(judged.table), strict=True):
            row["desired"] = desired
        return rows


def everybody(store: Store, model: Model, hidden: frozenset[str], at: datetime) -> Iterator[Verdicts]:
    """Yield verdicts on every contact, a chunk at a time, due or not; nothing is remembered of them."""
    everyone = _chosen(store, model, hidden, VerdictKey(model="", since=0), chunk=CHUNK)  # a standard that no verdict meets
    return ahead(everyone, lambda batch: evaluate(batch.facts, model, at))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Some contacts' facts, and which revision of them each contact's are."""

    revisions: Mapping[int, int]
    facts: Facts


def _chosen(
    store: Store, model: Model, hidden: frozenset[str], standard: VerdictKey, *, chunk: int, among: Sequence[int] | None = None
) -> Iterator[_Batch]:
    """Yield who is due by a standard with their facts, a chunk at a time."""
    after = 0
    while True:
        with store.transaction() as tx:
            revisions = verdicts.select_due(tx, standard, after=after, limit=chunk, only_ids=among)
            if not revisions:
                return
            batch = _Batch(revisions=revisions, facts=facts(tx, model, hidden))
        yield batch
        after = max(revisions)


def facts(tx: Connection, model: Model, hidden: frozenset[str]) -> Facts:
    """Return the facts of the contacts that were chosen in this transaction."""
    rows = verdicts.load_selected_contacts(tx)
    by_score = verdicts.load_mqls_by_score(tx)
    return Facts(
        contacts=_contacts(rows, model),
        events=pl.concat([frame(part, EVENT_SCHEMA) for part in ((), *verdicts.load_selected_events(tx))]),
        previous=frame([(id_, True) for id_ in by_score], PREVIOUS_SCHEMA),
        hidden_kinds=hidden,
    )


def frame(rows: Sequence[Sequence[Any]], schema: Any) -> pl.DataFrame:  # noqa: ANN401 -- a Polars schema
    """Return rows as a frame; by columns, which is several times quicker than by rows."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pl.DataFrame({name: pl.Series(name, column, dtype=dtype) for (name, dtype), column in zip(schema.items(), columns, strict=True)})


def _contacts(rows: Sequence[Sequence[Any]], model: Model) -> pl.DataFrame:
    ids, own, company = zip(*rows, strict=True) if rows else ((), (), ())
    return pl.concat(
        [
            pl.DataFrame({"contact_id": pl.Series(ids, dtype=pl.Int64)}),
            _properties(own, sorted(model.contact_properties), ""),
            _properties(company, sorted(model.company_properties), "company."),
        ],
        how="horizontal",
    )


def _properties(texts: Sequence[str | None], names: Sequence[str], prefix: str) -> pl.DataFrame:
    if not names:
        return pl.DataFrame()
    decoded = pl.Series("facts", texts, dtype=pl.String).str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    return decoded.struct.unnest().rename({name: f"{prefix}{name}" for name in names})
