"""The table `hand_offs`: merges, and why messages wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from sync_worker.store import schema
from sync_worker.store.facts import contacts
from sync_worker.store.schema import mql_starts
from sync_worker.store.writes import hand_offs, memberships
from sync_worker.timestamps import to_ms
from tests.store.row_factories import make_contact_row
from tests.sync.handoff.outbox import fill_outbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("hours", [-1, 0, 1])
@pytest.mark.parametrize("sent", [(), (1,), (2,)])
@pytest.mark.parametrize("start_is_known", [True, False])
def test_a_merge_keeps_one_message_that_is_sent_once(tx: Connection, sent: tuple[int, ...], hours: int, *, start_is_known: bool) -> None:
    fill_outbox(tx, NOW, [1], "slack")
    fill_outbox(tx, NOW + timedelta(hours=hours), [2], "slack", "mailtos")
    rows = {row.contact_id: row for row in hand_offs.load_waiting(tx, "slack", now=0)}
    hand_offs.save_sent(tx, {rows[id_]: "x" for id_ in sent}, "slack", at=to_ms(NOW))
    if not start_is_known:
        tx.execute(mql_starts.update().values(since=None))
        tx.execute(mql_starts.delete().where(mql_starts.c.contact_id == 2))
    contacts.save(tx, [make_contact_row(1, at=20, merged_ids=(2,))])
    memberships.save_changes(tx, "mql", added=[1], removed=[])
    assert hand_offs.close(tx, ["slack", "mailtos"], before=0) == 0
    found = [(row.contact_id, channel) for channel in ("slack", "mailtos") for row in hand_offs.load_waiting(tx, channel, now=0)]
    assert found == ([(1, "mailtos")] if sent else [(1, "slack"), (1, "mailtos")])


def test_the_reason_of_a_channel_is_not_that_of_another(tx: Connection) -> None:
    fill_outbox(tx, NOW, [1], "mailtos", "slack", "teams")
    hand_offs.save_reason(tx, "slack", "unreachable")
    reasons = dict(tx.execute(select(schema.hand_offs.c.channel, schema.hand_offs.c.reason)).all())
    assert reasons == {"mailtos": None, "slack": "unreachable", "teams": None}
