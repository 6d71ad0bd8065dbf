"""The seconds that each step of a run takes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class StepTimer:
    """Measures the steps of a run. The time of a step inside another one counts for the inner one only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._now = now
        self._active: list[str] = []
        self._since = 0.0

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Add the time of the block to a step."""
        self._switch()
        self._active.append(step)
        try:
            yield
        finally:
            self._switch()
            self._active.pop()

    def _switch(self) -> None:
        now = self._now()
        if self._active:
            self.seconds[self._active[-1]] += now - self._since
        self._since = now
