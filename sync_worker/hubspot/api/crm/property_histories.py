"""Earlier values of properties, of contacts, companies and deals. The SDK's models cost too much here, so the transport is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.records.field_types import RecordId, convert, parse_timestamp
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.transport import Transport

BATCH_SIZE: Final = 50  # records; HubSpot's limit for a read with history


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyValue:
    """A value that a property had from a time on; None: it was cleared."""

    name: str
    at: datetime
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHistory:
    """The values of the properties of one record that HubSpot still has, of each property at most 20 or 45, the oldest first."""

    id: int
    created_at: datetime
    values: tuple[PropertyValue, ...]


class _Version(msgspec.Struct):
    timestamp: str | int
    value: str | None = None


class _Row(msgspec.Struct, rename="camel"):
    id: RecordId
    created_at: str | int
    properties_with_history: Mapping[str, Sequence[_Version] | None] | None = None


class PropertyHistories:
    """Reads earlier values of properties."""

    def __init__(self, transport: Transport, rows: RowParser) -> None:
        self._transport = transport
        self._rows = rows

    def read(self, object_type: str, ids: Sequence[int], names: Sequence[str]) -> tuple[RecordHistory, ...]:
        """Return the histories of up to 50 records, without those that no longer exist. `object_type` is contacts, companies or deals."""
        body = {"inputs": [{"id": str(id_)} for id_ in ids], "properties": [], "propertiesWithHistory": list(names)}
        data: JsonObject = self._transport.send("POST", f"/crm/v3/objects/{object_type}/batch/read", body=body)
        operation = f"read earlier values of {object_type}"
        with translate_parse_errors(operation):
            return self._rows.parse(data["results"], _parse_history, operation=operation).items


def _parse_history(row: object) -> RecordHistory:
    data = convert(row, _Row)
    values = (
        PropertyValue(name=name, at=parse_timestamp(version.timestamp), value=version.value or None)
        for name, versions in (data.properties_with_history or {}).items()
        for version in reversed(versions or ())  # the newest first; of two with the same time, the last one counts
    )
    return RecordHistory(id=data.id, created_at=parse_timestamp(data.created_at), values=tuple(values))
