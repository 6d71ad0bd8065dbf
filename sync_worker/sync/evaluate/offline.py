"""Evaluate the contacts of a history without HubSpot and without a state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.scoring.mql_order import select_admissions

CHUNK_SIZE: Final = 25_000  # contacts; with 50,000, an evaluation takes 70 MB more, and a quarter less time


def evaluate_history(known: PortalHistory, model: Model) -> Iterator[Verdicts]:
    """Yield the verdicts on all contacts as of the end of a history, in chunks, as a first backfill at that time would compute them."""
    chunks = (evaluate(chunk.build_facts(), model, known.now) for chunk in _split(known))
    yield from chunks if model.document.qualification.new_per_day is None else _defer_above_quota(list(chunks), model)


def _split(known: PortalHistory) -> Iterator[PortalHistory]:
    """Yield the history in chunks of contacts, in order of id, because an evaluation takes several times the memory of its facts."""
    contacts = known.contacts.sort("contact_id")
    for start in range(0, contacts.height, CHUNK_SIZE):
        chunk = contacts.slice(start, CHUNK_SIZE)
        own = known.events.filter(pl.col("contact_id").is_between(chunk["contact_id"].min(), chunk["contact_id"].max()))
        yield replace(known, contacts=chunk, events=own)


def _defer_above_quota(chunks: Sequence[Verdicts], model: Model) -> Iterator[Verdicts]:
    """Yield the verdicts with the MQLs above the daily quota deferred. All verdicts must be known before the first one is yielded."""
    mqls = pl.concat([chunk.table.filter("mql") for chunk in chunks]).with_columns(since=pl.lit(None, dtype=pl.Int64)) if chunks else None
    admitted = None if mqls is None else select_admissions(mqls, model.document.qualification.new_per_day)
    for chunk in chunks:
        yield chunk if admitted is None else chunk.defer_mqls(except_ids=admitted)
