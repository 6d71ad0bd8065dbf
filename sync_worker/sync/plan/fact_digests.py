"""Digests of everything that the verdict on a contact rests on. They are keyed: they reveal no fact to a reader of a plan file.

The state has more: HubSpot's counters, which change without a new event, and what only the shadow model uses.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

import orjson
from sqlalchemy import Connection

from sync_worker.model.compiled.facts import EVENT_SCHEMA
from sync_worker.model.compiled.inputs import ModelInputs
from sync_worker.store import verdicts
from sync_worker.store.facts import contacts
from sync_worker.store.saved_state import plan_key
from sync_worker.sync.plan.plan import STAGE_PROPERTY

DIGEST_CHARS = 32
_KIND = tuple(EVENT_SCHEMA).index("kind")


@dataclass(frozen=True, slots=True)
class FactDigests:
    """Computes digests with the key of a state. `inputs` is what the verdicts depend on."""

    key: bytes
    inputs: ModelInputs

    @classmethod
    def load(cls, tx: Connection, inputs: ModelInputs) -> Self:
        """Return the digests of this state; its key is created with the first plan."""
        return cls(plan_key.load_or_create(tx), inputs)

    @property
    def state_id(self) -> str:
        """Return the id of the state: plans of other states have another one."""
        return self.digest_text("state")

    def digest_text(self, text: str) -> str:
        """Return the digest of a text."""
        return self._digest([text.encode()])

    def digest(self, tx: Connection, ids: Sequence[int], moves: Mapping[int, tuple[str, str]] | None = None) -> Mapping[int, str]:
        """Return the digest of the facts of each contact that the state has: properties, company, subscriptions, email, events.

        `moves`: contact id → (lifecycle stage, next stage) that the worker itself sets; a contact in the next stage counts as not moved.
        """
        verdicts.select_contacts(tx, ids)
        emails = contacts.load_emails(tx, ids)
        own, company = self.inputs.contact_properties, self.inputs.company_properties
        facts = {
            id_: [_encode(_select(values, own, (moves or {}).get(id_)), _select(of_company, company), emails.get(id_))]
            for id_, values, of_company in verdicts.load_selected_contacts(tx)
        }
        if self.inputs.uses_subscriptions:
            for id_, *statuses in verdicts.load_selected_subscriptions(tx):
                facts[id_].append(_encode(*statuses))
        events: dict[int, list[bytes]] = defaultdict(list)
        for rows in verdicts.load_selected_events(tx):
            for row in rows:
                if row[_KIND] in self.inputs.event_kinds:
                    events[int(str(row[0]))].append(_encode(*row[1:]))
        return {id_: self._digest([*parts, *sorted(events[id_])]) for id_, parts in facts.items()}

    def _digest(self, parts: Sequence[bytes]) -> str:
        return hmac.new(self.key, b"\n".join(parts), sha256).hexdigest()[:DIGEST_CHARS]


def _select(facts: str | None, names: Collection[str], move: tuple[str, str] | None = None) -> Mapping[str, str] | None:
    """Return some of the properties in a canonical JSON text, without empty ones; None if there is no record."""
    if facts is None:
        return None
    values: dict[str, str] = orjson.loads(facts)
    if move and values.get(STAGE_PROPERTY) == move[1]:
        values[STAGE_PROPERTY] = move[0]
    return {name: value for name, value in values.items() if value and name in names}


def _encode(*values: object) -> bytes:
    return orjson.dumps(values)
