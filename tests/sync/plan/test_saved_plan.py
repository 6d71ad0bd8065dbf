from __future__ import annotations

import msgspec
import pytest

from sync_worker.sync.plan.saved_plan import SavedValue


def test_a_saved_value_with_an_unknown_key_is_refused() -> None:
    assert msgspec.json.decode('{"from": "1", "to": "2"}', type=SavedValue) == SavedValue(before="1", after="2")
    with pytest.raises(msgspec.ValidationError, match="unknown field `then`"):
        msgspec.json.decode('{"from": "1", "to": "2", "then": "3"}', type=SavedValue)
