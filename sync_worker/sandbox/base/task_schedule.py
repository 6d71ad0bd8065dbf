"""Tasks that the portal runs at a time of its clock."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class TaskSchedule:
    """Tasks by due time in epoch milliseconds; tasks with the same time run in the order in which they were added."""

    def __init__(self) -> None:
        self._tasks: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = count()

    def add(self, due: int, task: Callable[[], object]) -> None:
        """Add a task."""
        heappush(self._tasks, (due, next(self._numbers), task))

    def run_due(self, now: int) -> None:
        """Run the tasks that are due by now."""
        while self._tasks and self._tasks[0][0] <= now:
            heappop(self._tasks)[2]()
