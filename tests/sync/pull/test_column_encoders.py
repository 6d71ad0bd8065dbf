from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.hubspot.records.models import Contact
from sync_worker.sync.portal.managed_properties import canonical_json
from sync_worker.sync.pull.column_encoders import align_values, column_picker, json_encoder

AT = datetime(2026, 11, 20, tzinfo=UTC)
values = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
records = st.dictionaries(st.sampled_from(["email", "class", "_0", "Ärger", "z", "a"]), values)


@given(record=records, names_written=st.sets(st.sampled_from(["email", "class", "_0", "z"])))
def test_rows_are_encoded_as_canonical_json_of_the_known_values(record: dict[str, str | None], names_written: set[str]) -> None:
    names = ("z", "email", "class", "_0", "a")
    rows = align_values([Contact(1, tuple(record), tuple(record.values()), AT)], names)
    assert json_encoder(names, [*names_written])(rows) == [
        canonical_json({name: value for name in names_written if (value := record.get(name))})
    ]


@given(record=records, picked=st.lists(st.sampled_from(["z", "a", "email"])))
def test_values_are_picked_in_the_requested_order(record: dict[str, str | None], picked: list[str]) -> None:
    names = ("a", "email", "z")
    assert column_picker(names, picked)(tuple(map(record.get, names))) == tuple(map(record.get, picked))
