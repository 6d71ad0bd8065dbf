"""Batch update of contacts with a result for every property of every id.

HubSpot rejects a whole batch for one invalid value or one rule that one contact breaks, unless it supports partial success. A successful
reply may omit ids or list them as errors. This module finds what can be written with few calls, and returns the cause of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from sync_worker.errors import Forbidden, NotFound
from sync_worker.hubspot.api.crm.batch_split import split
from sync_worker.hubspot.api.crm.rejection_causes import (
    LOCKED,
    NOT_FOUND,
    NOT_SENT_AGAIN,
    UNCONFIRMED,
    build_batch_cause,
    build_cause,
    build_value_cause,
    find_invalid_properties,
    raise_definition_error,
    read_response,
)
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.records.field_types import RecordId, UnreadableField, as_text, convert, parse_timestamp
from sync_worker.hubspot.records.models import (
    BatchReadResult,
    BatchWriteResult,
    CauseKind,
    Contact,
    ContactUpdate,
    RejectionCause,
    WriteAck,
)
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.hubspot.rest.error_responses import ErrorResponse, InvalidRequest, Locked, MissingScope, build_error_response

BATCH_SIZE: Final = 100
MULTI_STATUS: Final = 207
NOT_FOUND_CATEGORY: Final = "OBJECT_NOT_FOUND"


class BatchUpdate:
    """Up to 100 updates of different contacts.

    `send` writes updates and returns HubSpot's reply. `find` reads contacts by id. `session` limits the calls that rejections cost.
    """

    def __init__(
        self,
        updates: Sequence[ContactUpdate],
        *,
        send: Callable[[Sequence[ContactUpdate]], JsonObject],
        find: Callable[[Iterable[int]], BatchReadResult[Contact]],
        session: WriteSession,
    ) -> None:
        if len(updates) > BATCH_SIZE or len({update.id for update in updates}) < len(updates):
            raise ValueError("a batch has at most 100 updates, one per contact")
        self._updates = updates
        self._send = send
        self._find = find
        self._session = session
        self._acknowledged: dict[int, WriteAck] = {}
        self._rejected: dict[int, dict[str, RejectionCause]] = {}
        self._merged_into: dict[int, int] = {}
        self._deleted: set[int] = set()
        self._unconfirmed: dict[int, tuple[ContactUpdate, RejectionCause]] = {}

    def execute(self) -> BatchWriteResult:
        """Write all valid values and return the result of each id."""
        self._session.start_batch()
        self._write(self._updates)
        if self._unconfirmed:
            self._look_up_unconfirmed()
        return BatchWriteResult(
            acknowledged=self._acknowledged, rejected=self._rejected, merged_into=self._merged_into, deleted=frozenset(self._deleted)
        )

    def _write(self, updates: Sequence[ContactUpdate]) -> None:
        valid = self._drop_invalid_values(updates)
        if not valid:
            return
        try:
            reply = self._send(valid)
        except MissingScope:
            raise
        except Locked:
            if not self._session.hold_back_locked():
                raise
            self._reject(valid, LOCKED)
        except (InvalidRequest, Forbidden, NotFound) as error:
            self._divide(valid, read_response(error))
        else:
            self._record_response(valid, reply)

    def _divide(self, updates: Sequence[ContactUpdate], response: ErrorResponse) -> None:
        """Write the parts of a rejected batch on their own, so that one contact or property does not block the others."""
        names = {name for update in updates for name in update.properties}
        raise_definition_error(response, names)
        if self._learn_invalid_values(updates, response, names):
            updates = self._drop_invalid_values(updates)
            parts = [updates] if updates else []
        else:
            parts = split(updates, response)
        if parts and self._session.take(len(parts)):
            for part in parts:
                self._write(part)
        elif response.status == NOT_FOUND and len(updates) == 1:
            self._unconfirmed[updates[0].id] = (updates[0], build_cause(response))
        else:
            self._reject(updates, build_batch_cause(response, updates))

    def _learn_invalid_values(self, updates: Sequence[ContactUpdate], response: ErrorResponse, names: Collection[str]) -> bool:
        """Record the invalid values that are certain, because all updates with that property have the same value."""
        by_name = {name: {update.properties[name] for update in updates if name in update.properties} for name in names}
        certain = [name for name in find_invalid_properties(response, names) if len(by_name[name]) == 1]
        self._session.invalid_values |= {(name, by_name[name].pop()): build_value_cause(response) for name in certain}
        return bool(certain)

    def _drop_invalid_values(self, updates: Sequence[ContactUpdate]) -> list[ContactUpdate]:
        """Return the updates without known invalid values, which are rejected."""
        invalid_values = self._session.invalid_values
        if not invalid_values:  # the usual case
            return list(updates)
        valid = []
        for update in updates:
            invalid = {name: invalid_values[name, value] for name, value in update.properties.items() if (name, value) in invalid_values}
            if invalid:
                self._rejected.setdefault(update.id, {}).update(invalid)
            if rest := {name: value for name, value in update.properties.items() if name not in invalid}:
                valid.append(ContactUpdate(id=update.id, properties=rest) if invalid else update)
        return valid

    def _reject(self, updates: Iterable[ContactUpdate], cause: RejectionCause) -> None:
        for update in updates:
            self._rejected.setdefault(update.id, {}).update(dict.fromkeys(update.properties, cause))

    def _record_response(self, updates: Sequence[ContactUpdate], response: JsonObject) -> None:
        """Record a reply with a success status. The contacts may be written, so what cannot be read of it confirms nothing."""
        sent = {update.id: update for update in updates}
        for id_, ack in _parse_acks(response):
            if (update := sent.pop(id_, None)) is not None:
                self._acknowledge(update, ack)
        self._record_errors(sent, [build_error_response(MULTI_STATUS, error) for error in _objects(response, "errors")])

    def _acknowledge(self, update: ContactUpdate, ack: WriteAck) -> None:
        shown, earlier = ack.properties, self._acknowledged.get(update.id)
        self._acknowledged[update.id] = WriteAck(
            properties={**(earlier.properties if earlier else {}), **{name: shown[name] for name in update.properties if name in shown}},
            updated_at=ack.updated_at,
        )

    def _record_errors(self, unconfirmed: dict[int, ContactUpdate], errors: Sequence[ErrorResponse]) -> None:
        """Record the ids that a successful reply does not acknowledge: with their error, or else as not confirmed."""
        parts: tuple[list[ContactUpdate], list[ContactUpdate]] = ([], [])
        for error in errors:
            for id_ in sorted(error.ids & unconfirmed.keys()):
                for part, again in zip(parts, self._record_error(unconfirmed.pop(id_), error), strict=False):
                    part.extend(again)
        unnamed = [build_cause(error) for error in errors if not error.ids]
        self._unconfirmed |= {id_: (update, unnamed[0] if unnamed else UNCONFIRMED) for id_, update in unconfirmed.items()}
        for valid in map(self._drop_invalid_values, parts):
            if valid and self._session.take(1):
                self._write(valid)
            else:
                self._reject(valid, NOT_SENT_AGAIN)

    def _record_error(self, update: ContactUpdate, error: ErrorResponse) -> Sequence[Sequence[ContactUpdate]]:
        """Record the error of one update; return the parts of it to send again, because the error is not about all its properties."""
        raise_definition_error(error, update.properties)
        cause = build_cause(error)
        if invalid := find_invalid_properties(error, update.properties):
            self._session.invalid_values |= {(name, update.properties[name]): build_value_cause(error) for name in invalid}
            return [[update]]
        if error.category == NOT_FOUND_CATEGORY:
            self._unconfirmed[update.id] = (update, cause)
            return []
        if cause.kind is CauseKind.RULE and (parts := split([update], error)):
            return parts
        self._reject([update], cause)
        return []

    def _look_up_unconfirmed(self) -> None:
        """Read the ids that HubSpot did not confirm: they may be merged or deleted."""
        found = self._find(self._unconfirmed) if self._session.take(1) else BatchReadResult(items=(), missing=frozenset())
        self._merged_into |= found.merged_into
        self._deleted |= found.missing
        for id_, (update, cause) in self._unconfirmed.items():
            if id_ in found.merged_into or id_ in found.missing:
                self._rejected.pop(id_, None)
            else:
                self._reject([update], cause)


class _WrittenRow(msgspec.Struct, rename="camel"):
    id: RecordId
    updated_at: str | int
    properties: dict[str, Any]


def _parse_acks(response: object) -> Iterator[tuple[int, WriteAck]]:
    """Yield the contacts that a reply confirms, with the values that can be read."""
    for row in _objects(response, "results"):
        with suppress(UnreadableField):
            data = convert(row, _WrittenRow)
            values = {name: as_text(value) for name, value in data.properties.items()}
            texts = {name: value for name, value in values.items() if isinstance(value, str | None)}
            yield data.id, WriteAck(properties=texts, updated_at=parse_timestamp(data.updated_at))


def _objects(response: object, name: str) -> list[JsonObject]:
    rows = response.get(name) if isinstance(response, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
