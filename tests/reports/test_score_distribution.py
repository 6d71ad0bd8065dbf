from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.reports.score_distribution import MAX_BINS, compute_distribution
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.schema import contacts, verdicts
from tests.store.database_factories import temporary_store
from tests.store.row_factories import make_contact_row, make_verdict_row

BANDS, LETTERS = ("cold", "hot"), ("C", "D", "A")
scores = st.one_of(st.integers(-50, 50), st.integers(-(10**6), 10**6))
evaluated_rows = st.tuples(scores, st.sampled_from(BANDS), st.sampled_from(LETTERS), st.booleans())


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with temporary_store() as store:
        yield store


def fill_store(store: Store, rows: list[tuple[int, str, str, bool]]) -> None:
    with store.transaction() as tx:
        for table in (verdicts, contacts):
            tx.execute(table.delete())
        stamp = {"model": "m", "evaluated_at": 1, "revision": 1}
        found = [
            make_verdict_row(n, score=s, band=band, grade=grade, mql=mql)._asdict() | stamp
            for n, (s, band, grade, mql) in enumerate(rows, 1)
        ]
        if found:
            contact_store.save(tx, [make_contact_row(row["contact_id"]) for row in found])
            tx.execute(verdicts.insert(), found)


@given(rows=st.lists(evaluated_rows, min_size=1, max_size=30))
def test_every_contact_is_in_one_bin_one_band_and_one_grade(store: Store, rows: list[tuple[int, str, str, bool]]) -> None:
    fill_store(store, rows)
    found = compute_distribution(store, BANDS, LETTERS)
    values = [score for score, _, _, _ in rows]
    assert (found.contacts, found.mqls) == (len(rows), sum(mql for _, _, _, mql in rows))
    assert (found.minimum, found.maximum, found.median) == (min(values), max(values), median(values))
    assert found.mean == pytest.approx(mean(values))
    for bar in found.histogram:
        assert bar.contacts == sum(bar.low <= score <= bar.high for score in values)
    assert sum(bar.contacts for bar in found.histogram) == sum(found.bands.values()) == sum(found.grades.values()) == len(rows)
    assert {band: sum(grades.values()) for band, grades in found.grades_by_band.items()} == found.bands


@given(rows=st.lists(evaluated_rows, min_size=1, max_size=10))
def test_the_bins_have_equal_width_and_no_gaps(store: Store, rows: list[tuple[int, str, str, bool]]) -> None:
    fill_store(store, rows)
    bars = compute_distribution(store, BANDS, LETTERS).histogram
    assert 1 <= len(bars) <= MAX_BINS
    assert len({bar.high - bar.low for bar in bars}) == 1
    assert all(after.low == before.high + 1 for before, after in pairwise(bars))
    assert bars[0].contacts > 0 < bars[-1].contacts


def test_bands_and_letters_keep_the_order_of_the_model(store: Store) -> None:
    fill_store(store, [(1, "hot", "A", True), (2, "hot", "C", False)])
    json = compute_distribution(store, BANDS, LETTERS).as_json()
    assert list(json["bands"].items()) == [("cold", 0), ("hot", 2)]
    assert list(json["grades"].items()) == [("C", 1), ("A", 1)]
    assert json["grades_by_band"] == {"cold": {}, "hot": {"C": 1, "A": 1}}
    assert (json["median"], json["mean"], json["mqls"]) == (1.5, 1.5, 1)


def test_a_band_of_an_earlier_model_is_shown_too(store: Store) -> None:
    fill_store(store, [(1, "lukewarm", "A", False)])
    assert compute_distribution(store, BANDS, LETTERS).bands == {"cold": 0, "hot": 0, "lukewarm": 1}


def test_an_empty_portal_has_no_statistics(store: Store) -> None:
    fill_store(store, [])
    json = compute_distribution(store, BANDS, LETTERS).as_json()
    assert (json["contacts"], json["min"], json["mean"], json["median"], json["max"], json["histogram"]) == (0, None, None, None, None, [])
