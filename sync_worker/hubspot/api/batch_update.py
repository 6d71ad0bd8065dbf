"""One batch of writes, and what became of each id in it.

HubSpot refuses a whole batch for one bad value, leaves ids out of a success without a word, and reports others as errors inside of a
success. Here every id ends as acknowledged, rejected or moved, and a bad value keeps back itself alone: the other values of the same
contact are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sync_worker.hubspot.records.models import BatchWriteResult, ContactUpdate, WriteAck
from sync_worker.hubspot.records.parsing import JsonObject, parse_timestamp, translate_parse_errors
from sync_worker.hubspot.rest.error_responses import Conflict, ErrorResponse, InvalidRequest, parse_error_details

BATCH_SIZE: Final = 100
OPERATION: Final = "write contacts"
# The fault of the definition, not of a record: every record would be refused.
DEFINITION_ERROR_CODES: Final = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
SETUP_HINT: Final = "Run `sync-worker setup`: it mends the properties."
DELETED_REASON: Final = "HubSpot has no such contact any more; it was deleted."
UNCONFIRMED_REASON: Final = "HubSpot answered with success, but did not confirm this contact."


class BatchUpdate:
    """Up to 100 updates of different contacts.

    `send` writes some of them and returns HubSpot's answer; `look_up` returns the id that answers to an id now, None for none.
    """

    def __init__(
        self,
        updates: Sequence[ContactUpdate],
        *,
        send: Callable[[Sequence[ContactUpdate]], JsonObject],
        resolve_id: Callable[[int], int | None],
    ) -> None:
        if len(updates) > BATCH_SIZE or len({update.id for update in updates}) < len(updates):
            raise ValueError("a batch holds up to 100 updates, of one contact each")
        self._updates = updates
        self._send = send
        self._resolve_id = resolve_id
        self._acknowledged: dict[int, WriteAck] = {}
        self._rejected: dict[int, str] = {}
        self._merged_into: dict[int, int] = {}
        self._deleted: set[int] = set()
        self._rejected_properties: dict[int, dict[str, str]] = {}  # of contacts whose other values are written
        self._invalid_values: dict[tuple[str, str], str] = {}  # a property and a value that HubSpot refused, and why

    def execute(self) -> BatchWriteResult:
        """Write everything that HubSpot takes, and say what became of each id."""
        self._write(self._updates)
        return BatchWriteResult(
            acknowledged=self._acknowledged, rejected=self._rejected, merged_into=self._merged_into, deleted=frozenset(self._deleted)
        )

    def _write(self, updates: Sequence[ContactUpdate]) -> None:
        hopeful = self._drop_invalid_values(updates)
        if not hopeful:
            return
        try:
            answer = self._send(hopeful)
        except InvalidRequest as refusal:
            self._bisect(hopeful, refusal)
        else:
            self._record_response(hopeful, answer)

    def _bisect(self, updates: Sequence[ContactUpdate], error: InvalidRequest) -> None:
        """Find the bad ones by halves, so that they do not stop the good ones."""
        problem = error.response
        if problem.codes & DEFINITION_ERROR_CODES:
            raise InvalidRequest(problem, operation=OPERATION, hint=SETUP_HINT) from error
        if not (isinstance(error, Conflict) or problem.category == "VALIDATION_ERROR" or problem.codes):
            raise error  # not about a record
        if len(updates) == 1:
            self._record_invalid_values(updates[0], problem)
            return
        middle = len(updates) // 2
        self._write(updates[:middle])
        self._write(updates[middle:])

    def _record_invalid_values(self, update: ContactUpdate, response: ErrorResponse) -> None:
        """Note which values of a contact are bad, and write the others; where none is named, the contact is rejected."""
        invalid = [detail for detail in response.details if detail.code and detail.code.startswith("INVALID_")]
        named = {name for detail in invalid for name in detail.properties if name in update.properties}
        if not named:
            self._rejected[update.id] = str(response)
            return
        self._invalid_values |= {(name, update.properties[name]): str(response) for name in named}
        self._write([update])

    def _drop_invalid_values(self, updates: Sequence[ContactUpdate]) -> list[ContactUpdate]:
        """Return the updates without the values that were refused before; whoever has no other value is rejected."""
        if not self._invalid_values:  # nearly always
            return list(updates)
        hopeful = []
        for update in updates:
            bad = {
                name: self._invalid_values[name, value]
                for name, value in update.properties.items()
                if (name, value) in self._invalid_values
            }
            rest = {name: value for name, value in update.properties.items() if name not in bad}
            if not rest:
                self._rejected[update.id] = next(iter(bad.values()))
                continue
            if bad:
                self._rejected_properties.setdefault(update.id, {}).update(bad)
            hopeful.append(ContactUpdate(id=update.id, properties=rest) if bad else update)
        return hopeful

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
        """Find out what became of an id that HubSpot did not confirm: merged away, deleted, or refused."""
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
