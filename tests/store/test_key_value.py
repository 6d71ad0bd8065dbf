from __future__ import annotations

import pytest
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value


@pytest.mark.parametrize("value", [0, "", False, [], {}, [1, "ü", {"a": None}], 2**53])
def test_a_json_value_is_loaded_as_it_was_saved(tx: Connection, value: object) -> None:
    key_value.put(tx, "key", value)
    assert key_value.get(tx, "key") == value


def test_a_value_is_replaced_and_deleted(tx: Connection) -> None:
    key_value.put(tx, "key", 1)
    key_value.put(tx, "key", 2)
    key_value.put(tx, "other", 3)
    assert key_value.get(tx, "key") == 2
    key_value.put(tx, "key", None)
    assert (key_value.get(tx, "key"), key_value.get(tx, "other")) == (None, 3)


def test_a_prefix_is_taken_literally(tx: Connection) -> None:
    key_value.put(tx, "a_b:1", 1)
    key_value.put(tx, "aXb:2", 2)
    assert key_value.load_by_prefix(tx, "a_b:", int) == {"1": 1}
