"""The rate of outcomes of each band: the expected one, and the observed one."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from sync_worker.insight.metrics import Estimate, estimate_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class BandCalibration:
    """A band with the rate of outcomes that was expected, if an earlier time shows one, and the observed one."""

    band: str
    contacts: int
    observed: Estimate
    expected: float | None = None

    @property
    def gap(self) -> float | None:
        """The difference between the observed and the expected rate."""
        return None if self.expected is None or not self.contacts else self.observed.value - self.expected

    def as_json(self) -> dict[str, object]:
        """Return the band for `--json`."""
        gap = None if self.gap is None else round(self.gap, 4)
        expected = None if self.expected is None else round(self.expected, 4)
        observed = self.observed.as_json() if self.contacts else None
        return {"band": self.band, "contacts": self.contacts, "expected": expected, "observed": observed, "gap": gap}


def calibrate_bands(scores: pl.DataFrame, bands: list[str], earlier: pl.DataFrame | None = None) -> list[BandCalibration]:
    """Return each band in the order of `bands`; `scores` and `earlier` have `band` and `converted`."""
    expected = {} if earlier is None else {band: rate for band, _, _, rate in _rates(earlier)}
    found = {band: (contacts, outcomes) for band, contacts, outcomes, _ in _rates(scores)}
    rows = ((band, *found.get(band, (0, 0))) for band in bands)
    return [
        BandCalibration(band=band, contacts=contacts, observed=estimate_rate(outcomes, contacts), expected=expected.get(band))
        for band, contacts, outcomes in rows
    ]


def _rates(scores: pl.DataFrame) -> list[tuple[str, int, int, float]]:
    converted = pl.col("converted")
    return scores.group_by("band").agg(pl.len(), converted.sum().alias("outcomes"), converted.mean().alias("rate")).rows()
