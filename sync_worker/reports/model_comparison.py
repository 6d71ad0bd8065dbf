"""Comparison of two models on the same contacts: changed scores, bands, grades and MQLs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import polars as pl

from sync_worker.model.evaluate import Verdicts

MAX_SAMPLE_IDS: Final = 20  # contacts listed per transition
COMPARED_COLUMNS: Final = ("contact_id", "score", "band", "grade", "mql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Number of contacts that move from one value to another, with the first ids."""

    before: str
    after: str
    contacts: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """The changes of the model in words, and their effect on the contacts that both models have evaluated."""

    model_changes: Sequence[str]
    contacts: int
    score_changes: int  # contacts whose score differs
    transitions: Mapping[str, Sequence[Transition]]  # by band, grade, mql; the most frequent first
    emails: Mapping[int, str] = field(default_factory=dict)  # email addresses of the listed contacts, if known

    @property
    def sample_ids(self) -> frozenset[int]:
        """Return the ids of the listed contacts."""
        return frozenset(id_ for moves in self.transitions.values() for move in moves for id_ in move.ids)

    def hide_names(self) -> Self:
        """Return the comparison without addresses; the ids stay."""
        return replace(self, emails={})

    def as_json(self) -> dict[str, Any]:
        """Return the comparison for `--json`."""
        return {
            "words": list(self.model_changes),
            "contacts": self.contacts,
            "score": self.score_changes,
            **{
                what: [
                    {
                        "from": move.before,
                        "to": move.after,
                        "contacts": move.contacts,
                        "ids": [str(id_) for id_ in move.ids],
                        **self._emails_json(move),
                    }
                    for move in moves
                ]
                for what, moves in self.transitions.items()
            },
        }

    def _emails_json(self, transition: Transition) -> dict[str, list[str]]:
        return {"addresses": [self.emails[id_] for id_ in transition.ids if id_ in self.emails]} if self.emails else {}


def comparison_table(batches: Iterable[Verdicts]) -> pl.DataFrame:
    """Return the compared columns of all batches of verdicts."""
    schema = {"contact_id": pl.Int64, "score": pl.Int64, "band": pl.String, "grade": pl.String, "mql": pl.Boolean}
    return pl.concat([pl.DataFrame(schema=schema), *(verdicts.table.select(COMPARED_COLUMNS) for verdicts in batches)])


def compare(model_changes: Sequence[str], before: pl.DataFrame, after: pl.DataFrame) -> ModelComparison:
    """Compare the verdict tables of two models on the same contacts."""
    both = before.select(COMPARED_COLUMNS).join(after.select(COMPARED_COLUMNS), on="contact_id", suffix="_after").sort("contact_id")
    return ModelComparison(
        model_changes=model_changes,
        contacts=both.height,
        score_changes=both.filter(pl.col("score") != pl.col("score_after")).height,
        transitions={what: _transitions(both, what) for what in ("band", "grade", "mql")},
    )


def _transitions(joined: pl.DataFrame, column: str) -> list[Transition]:
    names = {"before": column, "after": f"{column}_after"}
    pair = [pl.col(name).cast(pl.String).fill_null("none").alias(side) for side, name in names.items()]
    moved = joined.filter(pl.col(column).ne_missing(pl.col(f"{column}_after"))).select("contact_id", *pair)
    ids = pl.col("contact_id").head(MAX_SAMPLE_IDS)
    grouped = (
        moved.group_by("before", "after")
        .agg(pl.len().alias("contacts"), ids)
        .sort(["contacts", "before", "after"], descending=[True, False, False])
    )
    return [
        Transition(before=row["before"], after=row["after"], contacts=row["contacts"], ids=tuple(row["contact_id"]))
        for row in grouped.iter_rows(named=True)
    ]
