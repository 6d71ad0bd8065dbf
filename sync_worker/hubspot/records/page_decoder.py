"""JSON decoder for pages of records, with a struct of the requested properties.

Most of the bytes that a run reads are pages of records. A decoder for the requested properties creates no dictionary per record and takes
half the time of a generic one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import orjson

from sync_worker.hubspot.records.field_types import LATEST, Count, RecordId, UnreadableField, as_text, convert, parse_timestamp
from sync_worker.hubspot.records.row_parser import check_format, describe_parse_error
from sync_worker.timestamps import EPOCH

DecodedJson: TypeAlias = Any  # struct types that are created at run time
JsonRecord: TypeAlias = Any


class RecordDecoder:
    """Decodes records with the properties `names`.

    A decoded page has `results`, `paging` (plain JSON) and `total`. A result has `id` (int), `updated_at` (aware UTC), `archived`,
    `associations` (plain JSON) and `properties`; `property_values` returns their values in the order of `names`, each a text or None.
    Other fields are ignored.

    A record that cannot be read is a result without `properties`, so that it does not seem to be deleted; `on_unreadable` gets the reason.
    If its id cannot be read either, it is left out and counted in `without_id`.
    """

    def __init__(self, names: Sequence[str], on_unreadable: Callable[[str], object] = lambda _reason: None) -> None:
        self.names = tuple(names)
        self._on_unreadable = on_unreadable
        fields = {f"_{index}": name for index, name in enumerate(self.names)}  # a property name may be a Python keyword
        values = msgspec.defstruct("Values", [(field, str | None, None) for field in fields], rename=fields, gc=False)
        instant = Annotated[datetime, msgspec.Meta(tz=True)]
        row = msgspec.defstruct(
            "Row",
            [("id", RecordId), ("updated_at", instant), ("properties", values), ("archived", bool, False), ("associations", Any, None)],
            rename={"updated_at": "updatedAt"},
            gc=False,
        )
        counts = [("total", Count, 0), ("without_id", int, 0)]
        reply = msgspec.defstruct(
            "Reply",
            [("results", list[row]), ("paging", dict[str, Any] | None, None), *counts],  # type: ignore[valid-type]  # a type of run time
            rename={"without_id": "(without id)"},  # no field of the JSON
        )
        self._record_type, self._reply_type = row, reply
        self._decoder = msgspec.json.Decoder(reply, strict=False)  # ids are numbers in quotes

    def decode(self, body: bytes) -> DecodedJson:
        """Decode a reply.

        Raises:
            msgspec.DecodeError: the body is not JSON, or incomplete.
            ValueError: a field is missing or has the wrong type.
        """
        try:
            reply: DecodedJson = self._decoder.decode(body)
        except msgspec.ValidationError:
            return self._decode_leniently(body)
        if all(EPOCH <= row.updated_at < LATEST for row in reply.results):
            return reply
        return self._decode_leniently(body)

    def convert_record(self, data: JsonRecord) -> DecodedJson:
        """Convert a record of plain JSON to a result. Raises ValueError if a field is missing or has the wrong type."""
        try:
            return convert(data | _normalize_record(data), self._record_type)
        except (LookupError, TypeError, AttributeError) as error:
            raise UnreadableField(describe_parse_error(error)) from error

    def _decode_leniently(self, body: bytes) -> DecodedJson:
        data = orjson.loads(body)
        if not isinstance(data, dict) or not isinstance(data.get("results"), list):
            raise UnreadableField("the results are not a list")
        reply: DecodedJson = convert(data | {"results": [], "paging": data.get("paging") or None}, self._reply_type)
        reasons: list[str] = []
        for row in data["results"]:
            try:
                reply.results.append(self.convert_record(row))
            except ValueError as error:
                reasons.append(describe_parse_error(error))
                reply.results += (marker := self._mark_unreadable(row))
                reply.without_id += not marker
        check_format(len(data["results"]) - len(reasons), reasons)
        for reason in reasons:
            self._on_unreadable(reason)
        return reply

    def _mark_unreadable(self, row: JsonRecord) -> list[DecodedJson]:
        """Return a result without properties, older than any record, or nothing if the id cannot be read."""
        try:
            id_ = convert(row["id"], RecordId)
        except (LookupError, TypeError, UnreadableField):
            return []
        return [self._record_type(id_, EPOCH, None)]


#: Return the values of a result's `properties`.
property_values: Final[Callable[[DecodedJson], tuple[str | None, ...]]] = msgspec.structs.astuple


def _normalize_record(record: JsonRecord) -> JsonRecord:
    """Return the fields that may differ from HubSpot's documentation: values as numbers or booleans, a time in milliseconds."""
    updated = parse_timestamp(record["updatedAt"]).isoformat()
    properties = {name: as_text(value) for name, value in record["properties"].items()}
    return {"properties": properties, "updatedAt": updated, "archived": record.get("archived") or False}
