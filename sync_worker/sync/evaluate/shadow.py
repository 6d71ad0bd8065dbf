"""The shadow model: a second model whose verdicts are kept for comparison. Nothing of it is written to HubSpot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import structlog

from sync_worker.concurrency import map_prefetch
from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.progress import Progress
from sync_worker.store import shadow_verdicts
from sync_worker.store.database import Store
from sync_worker.store.shadow_verdicts import ShadowVerdict
from sync_worker.store.verdicts import VerdictKey
from sync_worker.sync.evaluate.evaluate import DUE_CHUNK_SIZE, Evaluator, load_facts
from sync_worker.timestamps import to_ms

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowEvaluator:
    """Evaluates contacts by the shadow model, as of the instant of the run.

    A contact is due for the same reasons as for the model: its facts, the day or the shadow model have changed.
    """

    model: Model
    hidden_kinds: frozenset[str]  # event kinds that the portal does not show
    now: datetime
    valid_since: datetime
    raise_if_stopped: Callable[[], None] = lambda: None

    def has_due(self, store: Store) -> bool:
        """Return whether any contact is due."""
        with store.transaction() as tx:
            return bool(shadow_verdicts.select_due(tx, self._key, after=0, limit=1))

    def evaluate_due(self, store: Store, progress: Progress) -> int:
        """Evaluate the contacts that are due; return their number. Each chunk is committed."""
        evaluated = 0
        for revisions, verdicts in map_prefetch(
            self._due_batches(store), lambda batch: (batch[0], evaluate(batch[1], self.model, self.now))
        ):
            with store.transaction() as tx:
                shadow_verdicts.save(tx, _build_rows(verdicts), revisions=revisions, key=self._key, at=to_ms(self.now))
            evaluated += len(revisions)
            progress.advance("evaluated by the shadow model", len(revisions))
            self.raise_if_stopped()
        if evaluated:
            log.info("shadow.evaluated", contacts=evaluated, model=self.model.hash)
        return evaluated

    @property
    def _key(self) -> VerdictKey:
        return VerdictKey(model=self.model.hash, since=to_ms(self.valid_since))

    def _due_batches(self, store: Store) -> Iterator[tuple[dict[int, int], Facts]]:
        after = 0
        while True:
            with store.transaction() as tx:
                revisions = shadow_verdicts.select_due(tx, self._key, after=after, limit=DUE_CHUNK_SIZE)
                if not revisions:
                    return
                # The list in HubSpot has the MQLs of the other model, so the retained ones are those of the last verdicts.
                facts = load_facts(tx, self.model, self.hidden_kinds, retained=shadow_verdicts.load_retained(tx, self.model.hash))
            yield revisions, facts
            after = max(revisions)


def build_shadow_evaluator(evaluator: Evaluator, shadow: Model | None) -> ShadowEvaluator | None:
    """Return the evaluator of the shadow model with the instant of another evaluator, or None without a shadow model."""
    if shadow is None:
        return None
    return ShadowEvaluator(
        model=shadow,
        hidden_kinds=evaluator.hidden_kinds,
        now=evaluator.now,
        valid_since=evaluator.valid_since,
        raise_if_stopped=evaluator.raise_if_stopped,
    )


def _build_rows(verdicts: Verdicts) -> list[ShadowVerdict]:
    table = verdicts.table.with_columns(pl.col("grade").fill_null(""))
    return [ShadowVerdict(*row) for row in table.select(ShadowVerdict._fields).rows()]
