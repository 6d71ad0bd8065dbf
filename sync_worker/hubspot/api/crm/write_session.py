"""What the batch writes of one run share: the values known as invalid, and the calls that rejections may cost."""

from __future__ import annotations

import threading
from typing import Final

from sync_worker.hubspot.records.models import RejectionCause

SPARE_CALLS: Final = 20  # enough to find one contact of a hundred
CALLS_PER_BATCH: Final = 1
MAX_LOCKED_BATCHES: Final = 20  # more show that the whole portal is locked; each costs all retries of a request


class WriteSession:
    """Limits the calls that rejections cost, whatever share of the contacts a rule of the portal concerns.

    Without a limit, a rule that concerns every contact would cost 199 calls for each batch of 100. Any thread may use it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = SPARE_CALLS
        self._locked_batches = 0
        self.invalid_values: dict[tuple[str, str], RejectionCause] = {}  # (property, value)
        self.rejected_members: set[int] = set()  # contacts that a list refused alone

    def start_batch(self) -> None:
        """Add the calls that one more batch may cost beyond its own."""
        with self._lock:
            self._calls += CALLS_PER_BATCH

    def take(self, calls: int) -> bool:
        """Reserve calls; return False, and reserve none, if fewer are left."""
        with self._lock:
            if calls > self._calls:
                return False
            self._calls -= calls
            return True

    def hold_back_locked(self) -> bool:
        """Count a locked batch; return whether it is held back, or False if so many are locked that the run has to end."""
        with self._lock:
            self._locked_batches += 1
            return self._locked_batches <= MAX_LOCKED_BATCHES
