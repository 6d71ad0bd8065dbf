"""MQLs by name, with the reasons that sales reps see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection

from sync_worker.store import verdicts
from sync_worker.sync.plan.contact_names import NO_NAME, ContactName


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMql:
    """An MQL with its reasons."""

    contact_id: int
    name: ContactName
    score: int
    grade: str
    reason: str  # by_score, or the key of a direct qualifier; empty while the daily quota defers the contact
    score_reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the contact for `--json`."""
        return {
            "id": str(self.contact_id),
            **self.name.as_json(),
            "score": self.score,
            "grade": self.grade or None,
            "reason": self.reason,
            "reasons": list(self.score_reasons),
        }


def load_named_mqls(tx: Connection, prefix: str, *, only_ids: Sequence[int] | None = None) -> list[NamedMql]:
    """Return the MQLs, of all contacts or of `only_ids`, the highest score first. `prefix` is that of our properties."""
    return [_name_mql(row, prefix) for row in verdicts.load_mqls(tx, only_ids=only_ids)]


def hide_names(mqls: Sequence[NamedMql]) -> list[NamedMql]:
    """Return the MQLs without their names and addresses; the ids stay."""
    return [replace(mql, name=NO_NAME) for mql in mqls]


def add_names(mqls: Sequence[NamedMql], names: Mapping[int, ContactName]) -> list[NamedMql]:
    """Return the MQLs with these names, as far as they are known."""
    return [replace(mql, name=names.get(mql.contact_id, mql.name)) for mql in mqls]


def _name_mql(row: verdicts.MqlVerdict, prefix: str) -> NamedMql:
    values = orjson.loads(row.desired)
    return NamedMql(
        contact_id=row.contact_id,
        name=ContactName(email=row.email),
        score=row.score,
        grade=row.grade,
        reason=values.get(f"{prefix}_mql_reason", ""),
        score_reasons=tuple(values.get(f"{prefix}_score_reasons", "").splitlines()[1:]),  # the first line is the score
    )
