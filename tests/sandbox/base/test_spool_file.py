"""JSON rows in a temporary file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox.base.spool_file import SpoolFile

ROWS = st.lists(st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=9), max_size=4), max_size=12)


@given(ROWS, st.integers(0, 12))
def test_rows_are_read_by_number_in_any_order_from_memory_and_disk(rows: list[dict[str, object]], read: int) -> None:
    file = SpoolFile(max_memory_bytes=40)
    for row in rows:
        number = file.add(row)
        file.read_raw(min(read, number))  # reads between writes change nothing
    assert list(file) == rows
    assert len(file) == len(rows)
