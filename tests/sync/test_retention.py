"""Events that the state has deleted do not come back, although HubSpot still shows them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sync_worker.model.compiled.loader import loads
from sync_worker.sync.retention import Retention, event_lookback
from tests.harness import DAY, MODEL, NOW, NOW_MS, make_participation, make_submission, make_webinar, small_portal, start_harness

RETENTION_MODEL = MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,").replace(
    "    forms:", "    webinars: {event: webinar, each: 4, at_most: 8}\n    forms:"
)


def test_expired_submissions_and_attendances_do_not_count_again_when_their_page_is_read_again(tmp_path: Path) -> None:
    old = NOW_MS - 400 * DAY
    data = small_portal(
        submissions=[make_submission("p3@example.com", at=old), make_submission("p4@example.com")],
        marketing_events=[make_webinar(501)],
        participations=[make_participation(501, 2, at=old), make_participation(501, 5)],
    )
    with start_harness(tmp_path, data, model=RETENTION_MODEL, settings={"keep_events_days": 365}) as harness:
        harness.backfill()
        kept = [harness.score(number) for number in range(1, 7)]
        assert (kept[1], kept[2], kept[4]) == (0, 0, 4)
        harness.advance(61)
        harness.attend_webinar(501, 1)
        harness.sync()
        assert [harness.score(number) for number in range(1, 7)] == [kept[0] + 4, *kept[1:]]


def test_a_run_that_wrote_nothing_is_deleted_after_some_days(tmp_path: Path) -> None:
    with start_harness(tmp_path, small_portal(), settings={"keep_runs_days": 1}) as harness:
        harness.backfill()
        harness.advance()
        uneventful = harness.sync().run_id
        harness.advance()
        last_before = harness.sync().run_id
        harness.advance(3 * 24 * 60)
        newest = harness.sync().run_id
        with harness.worker() as worker:
            kept = [run.run_id for run in worker.load_runs(9)]
        assert (len(kept), kept[:2], uneventful in kept) == (3, [newest, last_before], False)


def test_the_past_is_complete_from_the_windows_after_the_deletion_on() -> None:
    model = loads(MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,"), "model.yaml")
    lookback = max(event_lookback(model, kind) or timedelta() for kind in model.event_kinds)
    since = Retention(keep_events=timedelta(days=365)).complete_since([model], [model], NOW)
    assert since == NOW - timedelta(days=365) + lookback
    assert Retention().complete_since([model], [model], NOW) is None
