"""Digests of everything that the verdict on a contact rests on. They are keyed: they reveal no fact to a reader of a plan file."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

import orjson
from sqlalchemy import Connection

from sync_worker.store import verdicts
from sync_worker.store.facts import contacts
from sync_worker.store.saved_state import plan_key

DIGEST_CHARS = 32


@dataclass(frozen=True, slots=True)
class FactDigests:
    """Computes digests with the key of a state."""

    key: bytes

    @classmethod
    def load_key(cls, tx: Connection) -> Self:
        """Return the digests of this state; its key is created with the first plan."""
        return cls(plan_key.load_or_create(tx))

    @property
    def state_id(self) -> str:
        """Return the id of the state: plans of other states have another one."""
        return self.digest_text("state")

    def digest_text(self, text: str) -> str:
        """Return the digest of a text."""
        return self._digest([text.encode()])

    def digest(self, tx: Connection, ids: Sequence[int]) -> Mapping[int, str]:
        """Return the digest of the facts of each contact that the state has: properties, company, subscriptions, email, events."""
        verdicts.select_contacts(tx, ids)
        emails = contacts.load_emails(tx, ids)
        facts = {id_: [_encode(own, company, emails.get(id_))] for id_, own, company in verdicts.load_selected_contacts(tx)}
        for id_, *statuses in verdicts.load_selected_subscriptions(tx):
            facts[id_].append(_encode(*statuses))
        events: dict[int, list[bytes]] = defaultdict(list)
        for rows in verdicts.load_selected_events(tx):
            for row in rows:
                events[int(str(row[0]))].append(_encode(*row[1:]))
        return {id_: self._digest([*parts, *sorted(events[id_])]) for id_, parts in facts.items()}

    def _digest(self, parts: Sequence[bytes]) -> str:
        return hmac.new(self.key, b"\n".join(parts), sha256).hexdigest()[:DIGEST_CHARS]


def _encode(*values: object) -> bytes:
    return orjson.dumps(values)
