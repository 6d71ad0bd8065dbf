"""Errors of a machine that has run out of memory, file handles or threads, as one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

from sync_worker.errors import TransientError

MEMORY_HINT: Final = "Give the worker more memory, or set requests_in_flight to a lower value."
HANDLES_HINT: Final = "Increase the limit of open files (ulimit -n, LimitNOFILE), or set requests_in_flight to a lower value."


class ResourceExhausted(TransientError):
    """The machine has no more memory or file handles."""


def find_exhaustion(error: BaseException) -> ResourceExhausted | None:
    """Return the sentence for an error that was caused by a lack of memory, file handles or threads; None for all other errors."""
    for cause in _causes(error):
        match cause:
            case ResourceExhausted():
                return cause
            case MemoryError() | OSError(errno=errno.ENOMEM):
                return ResourceExhausted("The machine is out of memory.", hint=MEMORY_HINT)
            case OSError(errno=errno.EMFILE | errno.ENFILE):
                return ResourceExhausted("The worker has too many open files.", hint=HANDLES_HINT)
            case RuntimeError() if "can't start new thread" in str(cause):
                return ResourceExhausted("The machine cannot start another thread.", hint=MEMORY_HINT)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        yield following
        seen.add(id(following))
        following = following.__cause__ or following.__context__
