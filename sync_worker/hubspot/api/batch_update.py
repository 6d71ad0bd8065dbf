"""Batch update of contacts with a result for every id.

HubSpot rejects a whole batch for one invalid value. A successful reply may omit ids or list them as errors. This module returns every id
as acknowledged, rejected or merged, and drops invalid values only: the other values of the same contact are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sync_worker.hubspot.records.models import BatchWriteResult, ContactUpdate, WriteAck
from sync_worker.hubspot.records.parsing import JsonObject, parse_timestamp, translate_parse_errors
from sync_worker.hubspot.rest.error_responses import Conflict, ErrorResponse, InvalidRequest, parse_error_details

BATCH_SIZE: Final = 100
OPERATION: Final = "write contacts"
# Errors of the definition: HubSpot would reject every record.
DEFINITION_ERROR_CODES: Final = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
SETUP_HINT: Final = "Run `sync-worker setup`: it repairs the properties."
DELETED_REASON: Final = "The contact no longer exists in HubSpot."
UNCONFIRMED_REASON: Final = "HubSpot reported success, but did not confirm this contact."


class BatchUpdate:
    """Up to 100 updates of different contacts.

    `send` writes updates and returns HubSpot's reply. `resolve_id` returns the current id of a contact, or None if it does not exist.
    """

    def __init__(
        self,
        updates: Sequence[ContactUpdate],
        *,
        send: Callable[[Sequence[ContactUpdate]], JsonObject],
        resolve_id: Callable[[int], int | None],
    ) -> None:
        if len(updates) > BATCH_SIZE or len({update.id for update in updates}) < len(updates):
            raise ValueError("a batch has at most 100 updates, one per contact")
        self._updates = updates
        self._send = send
        self._resolve_id = resolve_id
        self._acknowledged: dict[int, WriteAck] = {}
        self._rejected: dict[int, str] = {}
        self._merged_into: dict[int, int] = {}
        self._deleted: set[int] = set()
        self._rejected_properties: dict[int, dict[str, str]] = {}  # of contacts with other, valid values
        self._invalid_values: dict[tuple[str, str], str] = {}  # (property, value) → reason

    def execute(self) -> BatchWriteResult:
        """Write all valid values and return the result of each id."""
        self._write(self._updates)
        return BatchWriteResult(
            acknowledged=self._acknowledged, rejected=self._rejected, merged_into=self._merged_into, deleted=frozenset(self._deleted)
        )

    def _write(self, updates: Sequence[ContactUpdate]) -> None:
        valid = self._drop_invalid_values(updates)
        if not valid:
            return
        try:
            reply = self._send(valid)
        except InvalidRequest as error:
            self._bisect(valid, error)
        else:
            self._record_response(valid, reply)

    def _bisect(self, updates: Sequence[ContactUpdate], error: InvalidRequest) -> None:
        """Write each half on its own, so that an invalid update does not block the valid ones."""
        problem = error.response
        if problem.codes & DEFINITION_ERROR_CODES:
            raise InvalidRequest(problem, operation=OPERATION, hint=SETUP_HINT) from error
        if not (isinstance(error, Conflict) or problem.category == "VALIDATION_ERROR" or problem.codes):
            raise error  # not an error of one record
        if len(updates) == 1:
            self._record_invalid_values(updates[0], problem)
            return
        middle = len(updates) // 2
        self._write(updates[:middle])
        self._write(updates[middle:])

    def _record_invalid_values(self, update: ContactUpdate, response: ErrorResponse) -> None:
        """Record the invalid values of a contact and write the others. If HubSpot names no value, reject the contact."""
        invalid = [detail for detail in response.details if detail.code and detail.code.startswith("INVALID_")]
        named = {name for detail in invalid for name in detail.properties if name in update.properties}
        if not named:
            self._rejected[update.id] = str(response)
            return
        self._invalid_values |= {(name, update.properties[name]): str(response) for name in named}
        self._write([update])

    def _drop_invalid_values(self, updates: Sequence[ContactUpdate]) -> list[ContactUpdate]:
        """Return the updates without known invalid values. Reject contacts that have no other value."""
        if not self._invalid_values:  # the usual case
            return list(updates)
        valid = []
        for update in updates:
            invalid = {
                name: self._invalid_values[name, value]
                for name, value in update.properties.items()
                if (name, value) in self._invalid_values
            }
            rest = {name: value for name, value in update.properties.items() if name not in invalid}
            if not rest:
                self._rejected[update.id] = next(iter(invalid.values()))
                continue
            if invalid:
                self._rejected_properties.setdefault(update.id, {}).update(invalid)
            valid.append(ContactUpdate(id=update.id, properties=rest) if invalid else update)
        return valid

    def _record_response(self, updates: Sequence[ContactUpdate], response: JsonObject) -> None:
        sent = {update.id: update for update in updates}
        with translate_parse_errors(OPERATION):
            for row in response["results"]:
                if (update := sent.pop(int(row["id"]), None)) is not None:
                    self._acknowledged[update.id] = _parse_ack(row, update, self._rejected_properties.get(update.id, {}))
            details = parse_error_details(response.get("errors") or ())
        reasons = {int(id_): str(detail) for detail in details for id_ in detail.ids if id_.isdecimal()}
        for id_ in sent:
            self._classify_unconfirmed(id_, reasons.get(id_, UNCONFIRMED_REASON))

    def _classify_unconfirmed(self, id_: int, reason: str) -> None:
        """Record an id that HubSpot did not confirm as deleted, merged or rejected."""
        now = self._resolve_id(id_)
        if now is None:
            self._deleted.add(id_)
            self._rejected[id_] = DELETED_REASON
        elif now != id_:
            self._merged_into[id_] = now
        else:
            self._rejected[id_] = reason


def _parse_ack(row: JsonObject, update: ContactUpdate, rejected_properties: Mapping[str, str]) -> WriteAck:
    shown = row["properties"]
    return WriteAck(
        properties={name: shown[name] for name in update.properties if name in shown},
        updated_at=parse_timestamp(row["updatedAt"]),
        rejected_properties=rejected_properties,
    )
