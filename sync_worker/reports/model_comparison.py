"""What another model would change, and for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from sync_worker.model.evaluate import Verdicts

NAMED: Final = 20  # contacts that are named of each kind of change
COMPARED: Final = ("contact_id", "score", "band", "grade", "mql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """How many contacts move from one value to another, and the ids of the first of them."""

    before: str
    after: str
    contacts: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models beside each other: what changed in words, and what that changes for the contacts that both judged."""

    words: Sequence[str]
    contacts: int
    scores: int  # contacts whose score differs
    moves: Mapping[str, Sequence[Moves]]  # by band, grade, mql; the most frequent first
    names: Mapping[int, str] = field(default_factory=dict)  # addresses of those who are named, where they are known

    @property
    def named(self) -> frozenset[int]:
        """Return the ids of those who are named."""
        return frozenset(id_ for moves in self.moves.values() for move in moves for id_ in move.ids)

    def as_json(self) -> dict[str, Any]:
        """Return the comparison for `--json`."""
        return {
            "words": list(self.words),
            "contacts": self.contacts,
            "score": self.scores,
            **{
                what: [
                    {
                        "from": move.before,
                        "to": move.after,
                        "contacts": move.contacts,
                        "ids": [str(id_) for id_ in move.ids],
                        **self._addresses(move),
                    }
                    for move in moves
                ]
                for what, moves in self.moves.items()
            },
        }

    def _addresses(self, move: Moves) -> dict[str, list[str]]:
        return {"addresses": [self.names[id_] for id_ in move.ids if id_ in self.names]} if self.names else {}


def table_of(judged: Iterable[Verdicts]) -> pl.DataFrame:
    """Return what is compared of some chunks of verdicts."""
    schema = {"contact_id": pl.Int64, "score": pl.Int64, "band": pl.String, "grade": pl.String, "mql": pl.Boolean}
    return pl.concat([pl.DataFrame(schema=schema), *(verdicts.table.select(COMPARED) for verdicts in judged)])


def compare(words: Sequence[str], before: pl.DataFrame, after: pl.DataFrame) -> Comparison:
    """Compare the verdict tables of two models on the same contacts."""
    both = before.select(COMPARED).join(after.select(COMPARED), on="contact_id", suffix="_after").sort("contact_id")
    return Comparison(
        words=words,
        contacts=both.height,
        scores=both.filter(pl.col("score") != pl.col("score_after")).height,
        moves={what: _moves(both, what) for what in ("band", "grade", "mql")},
    )


def _moves(both: pl.DataFrame, what: str) -> list[Moves]:
    pair = (pl.col(what).cast(pl.String).alias("before"), pl.col(f"{what}_after").cast(pl.String).alias("after"))
    moved = both.filter(pl.col(what) != pl.col(f"{what}_after")).select("contact_id", *pair)
    ids = pl.col("contact_id").head(NAMED)
    grouped = (
        moved.group_by("before", "after")
        .agg(pl.len().alias("contacts"), ids)
        .sort(["contacts", "before", "after"], descending=[True, False, False])
    )
    return [
        Moves(before=row["before"], after=row["after"], contacts=row["contacts"], ids=tuple(row["contact_id"]))
        for row in grouped.iter_rows(named=True)
    ]
