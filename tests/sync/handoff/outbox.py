"""An outbox with messages about MQLs that HubSpot has acknowledged, and HubSpot's replies for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, insert

from sync_worker.hubspot.records.models import BatchReadResult
from sync_worker.store import schema
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.store.writes import hand_offs, memberships, mql_starts
from sync_worker.store.writes.mql_starts import MqlStart
from sync_worker.timestamps import to_ms
from tests.store.row_factories import make_verdict_row

DESIRED = '{"lead_grade":"A-","lead_mql_reasons":"By score and grade\\n20 of 30 points","lead_score_reasons":"20 of 30 points\\n+20"}'


def fill_outbox(tx: Connection, at: datetime, ids: Sequence[int], *channels: str) -> None:
    rows = [ContactRow(id=id_, email=f"p{id_}@x.com", company_id=None, updated_at=1, facts="{}", observed="{}", stage=None) for id_ in ids]
    contacts.save(tx, rows)
    of_evaluation = {"model": "m", "evaluated_at": 1, "revision": 1}
    found = [make_verdict_row(id_, mql=True, desired=DESIRED)._asdict() | of_evaluation for id_ in ids]
    tx.execute(insert(schema.verdicts), found)
    memberships.save_changes(tx, "mql", added=[*ids], removed=[])
    mql_starts.save(tx, [MqlStart(id_, "m", to_ms(at), "") for id_ in ids], {})
    for channel in channels:
        assert hand_offs.add(tx, ids, channel) == len(ids)
        assert hand_offs.add(tx, ids, channel) == 0


def fill(store: Store, at: datetime, ids: Sequence[int], *channels: str) -> None:
    with store.transaction() as tx:
        fill_outbox(tx, at, ids, *channels)


def make_hubspot(**apis: Any) -> Any:
    """Return a HubSpot in which all contacts exist and have a name."""
    return SimpleNamespace(
        account=SimpleNamespace(read_details=lambda: SimpleNamespace(ui_domain="app.hubspot.com", portal_id=7)),
        contacts=SimpleNamespace(
            read=lambda ids, _: BatchReadResult(
                items=tuple(SimpleNamespace(id=id_, properties={"firstname": f"Ada {id_}", "email": f"p{id_}@x.com"}) for id_ in ids),
                missing=frozenset(),
            )
        ),
        **{"raise_if_closed": lambda: None, **apis},
    )
