"""One batch of writes, and what became of each id in it.

HubSpot refuses a whole batch for one bad value, leaves ids out of a success without a word, and reports others as errors inside of a
success. Here every id ends as acknowledged, rejected or moved, and a bad value keeps back itself alone: the other values of the same
contact are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sync_worker.hubspot.records.models import Acknowledged, Update, Written
from sync_worker.hubspot.records.parsing import Row, instant, sense_of
from sync_worker.hubspot.rest.error_responses import Conflict, InvalidRequest, Problem, read_details

BATCH_SIZE: Final = 100
OPERATION: Final = "write contacts"
# The fault of the definition, not of a record: every record would be refused.
DEFINITION_CODES: Final = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
RUN_SETUP: Final = "Run `sync-worker setup`: it mends the properties."
GONE: Final = "HubSpot has no such contact any more; it was deleted."
UNCONFIRMED: Final = "HubSpot answered with success, but did not confirm this contact."


class Batch:
    """Up to 100 updates of different contacts.

    `send` writes some of them and returns HubSpot's answer; `look_up` returns the id that answers to an id now, None for none.
    """

    def __init__(self, updates: Sequence[Update], *, send: Callable[[Sequence[Update]], Row], look_up: Callable[[int], int | None]) -> None:
        if len(updates) > BATCH_SIZE or len({update.id for update in updates}) < len(updates):
            raise ValueError("a batch holds up to 100 updates, of one contact each")
        self._updates = updates
        self._send = send
        self._look_up = look_up
        self._acknowledged: dict[int, Acknowledged] = {}
        self._rejected: dict[int, str] = {}
        self._moved: dict[int, int] = {}
        self._gone: set[int] = set()
        self._refused: dict[int, dict[str, str]] = {}  # of contacts whose other values are written
        self._bad: dict[tuple[str, str], str] = {}  # a property and a value that HubSpot refused, and why

    def written(self) -> Written:
        """Write everything that HubSpot takes, and say what became of each id."""
        self._write(self._updates)
        return Written(acknowledged=self._acknowledged, rejected=self._rejected, moved=self._moved, gone=frozenset(self._gone))

    def _write(self, updates: Sequence[Update]) -> None:
        hopeful = self._without_known_bad(updates)
        if not hopeful:
            return
        try:
            answer = self._send(hopeful)
        except InvalidRequest as refusal:
            self._divide(hopeful, refusal)
        else:
            self._account_for(hopeful, answer)

    def _divide(self, updates: Sequence[Update], refusal: InvalidRequest) -> None:
        """Find the bad ones by halves, so that they do not stop the good ones."""
        problem = refusal.problem
        if problem.codes & DEFINITION_CODES:
            raise InvalidRequest(problem, operation=OPERATION, hint=RUN_SETUP) from refusal
        if not (isinstance(refusal, Conflict) or problem.category == "VALIDATION_ERROR" or problem.codes):
            raise refusal  # not about a record
        if len(updates) == 1:
            self._learn(updates[0], problem)
            return
        middle = len(updates) // 2
        self._write(updates[:middle])
        self._write(updates[middle:])

    def _learn(self, update: Update, problem: Problem) -> None:
        """Note which values of a contact are bad, and write the others; where none is named, the contact is rejected."""
        invalid = [detail for detail in problem.details if detail.code and detail.code.startswith("INVALID_")]
        named = {name for detail in invalid for name in detail.properties if name in update.properties}
        if not named:
            self._rejected[update.id] = str(problem)
            return
        self._bad |= {(name, update.properties[name]): str(problem) for name in named}
        self._write([update])

    def _without_known_bad(self, updates: Sequence[Update]) -> list[Update]:
        """Return the updates without the values that were refused before; whoever has no other value is rejected."""
        if not self._bad:  # nearly always
            return list(updates)
        hopeful = []
        for update in updates:
            bad = {name: self._bad[name, value] for name, value in update.properties.items() if (name, value) in self._bad}
            rest = {name: value for name, value in update.properties.items() if name not in bad}
            if not rest:
                self._rejected[update.id] = next(iter(bad.values()))
                continue
            if bad:
                self._refused.setdefault(update.id, {}).update(bad)
            hopeful.append(Update(id=update.id, properties=rest) if bad else update)
        return hopeful

    def _account_for(self, updates: Sequence[Update], answer: Row) -> None:
        sent = {update.id: update for update in updates}
        with sense_of(OPERATION):
            for row in answer["results"]:
                if (update := sent.pop(int(row["id"]), None)) is not None:
                    self._acknowledged[update.id] = _acknowledged(row, update, self._refused.get(update.id, {}))
            details = read_details(answer.get("errors") or ())
        reasons = {int(id_): str(detail) for detail in details for id_ in detail.ids if id_.isdecimal()}
        for id_ in sent:
            self._resolve(id_, reasons.get(id_, UNCONFIRMED))

    def _resolve(self, id_: int, reason: str) -> None:
        """Find out what became of an id that HubSpot did not confirm: merged away, deleted, or refused."""
        now = self._look_up(id_)
        if now is None:
            self._gone.add(id_)
            self._rejected[id_] = GONE
        elif now != id_:
            self._moved[id_] = now
        else:
            self._rejected[id_] = reason


def _acknowledged(row: Row, update: Update, refused: Mapping[str, str]) -> Acknowledged:
    shown = row["properties"]
    return Acknowledged(
        properties={name: shown[name] for name in update.properties if name in shown},
        updated_at=instant(row["updatedAt"]),
        refused=refused,
    )
