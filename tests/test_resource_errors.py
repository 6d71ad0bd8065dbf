"""An exhausted machine is described by a sentence that names the resource."""

from __future__ import annotations

import errno

import pytest

from sync_worker.errors import ExitCode, Unavailable
from sync_worker.resource_errors import find_exhaustion


@pytest.mark.parametrize(
    ("error", "resource"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (OSError(errno.EMFILE, "Too many open files"), "files"),
        (OSError(errno.ENFILE, "Too many open files in system"), "files"),
        (RuntimeError("can't start new thread"), "thread"),
    ],
)
def test_the_cause_is_found_behind_the_errors_that_it_caused(error: Exception, resource: str) -> None:
    found = find_exhaustion(error)
    assert found is not None
    assert resource in str(found)
    assert found.exit_code == ExitCode.TRY_AGAIN
    outer = Unavailable("HubSpot cannot be reached.")
    outer.__context__ = error
    assert str(find_exhaustion(outer)) == str(found)


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.ENOENT, "No such file"), RuntimeError("other"), Unavailable("502")])
def test_other_errors_are_not_described(error: Exception) -> None:
    assert find_exhaustion(error) is None
