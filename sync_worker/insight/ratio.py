"""A share of contacts with its interval: a small sample must not look like knowledge."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """`count` of `total`."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The share, or None of nothing."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % score interval. Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209."""
        if not self.total:
            return (0, 1)
        z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
        share, spread = self.count / self.total, z * z / self.total
        middle = (share + spread / 2) / (1 + spread)
        half = sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
        return (max(0.0, middle - half), min(1.0, middle + half))

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.interval[0]

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.interval[1]

    def is_clearly_above(self, other: Ratio) -> bool:
        """Return whether the 95 % interval of the difference is above zero. Source: R. G. Newcombe, Stat. Med. 17 (1998), 873."""
        if self.value is None or other.value is None:
            return False
        return self.value - other.value > hypot(self.value - self.low, other.high - other.value)

    def as_json(self) -> dict[str, object]:
        """Return the share for `--json`."""
        value = None if self.value is None else round(self.value, 4)
        return {"count": self.count, "of": self.total, "ratio": value, "low": round(self.low, 4), "high": round(self.high, 4)}

    def __str__(self) -> str:
        """Return the share with its interval, in percent."""
        return "–" if self.value is None else f"{self.value:.0%} [{self.low:.0%}–{self.high:.0%}]"
