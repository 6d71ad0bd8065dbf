"""Chains of merges: a contact that was merged into one that was merged later is part of the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from sync_worker.insight.portal_history import MERGE_COLUMNS


def find_survivors(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the contact that each merged-away contact is part of now. `pairs`: the contact and the one that it was merged into.

    In a circle, which HubSpot should never show, the contact with the highest id survives.
    """
    following = _list_next(pairs)
    ends = {old_id: _follow(following, old_id)[-1] for old_id in following}
    return {old_id: end for old_id, end in ends.items() if old_id != end}


def pair_with_survivors(merges: pl.DataFrame) -> pl.DataFrame:
    """Return `contact_id` and `survivor_id` for each contact of `merges` and every contact that it became part of, step by step."""
    following = _list_next(merges.select("contact_id", "survivor_id").iter_rows())
    pairs = [(old_id, survivor) for old_id in sorted(following) for survivor in _follow(following, old_id) if survivor != old_id]
    return pl.DataFrame(pairs, schema={name: MERGE_COLUMNS[name] for name in ("contact_id", "survivor_id")}, orient="row")


def _list_next(pairs: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    """Return the next contact of each; of several ones the lowest id, because HubSpot gives the survivor of a later merge a higher one."""
    following: dict[int, int] = {}
    for old_id, survivor in sorted(pairs):
        if old_id != survivor:
            following.setdefault(old_id, survivor)
    return following


def _follow(following: Mapping[int, int], old_id: int) -> list[int]:
    """Return the contacts of a chain after the first one, the survivor last."""
    chain = {old_id: None}
    last = old_id
    while (last := following.get(last, last)) not in chain:
        chain[last] = None
    ids = list(chain)
    circle = ids[ids.index(last) :]  # one contact, if the chain has an end
    return [*ids[1 : ids.index(last)], max(circle)]
