"""A long test with real processes: one is killed in the middle of the run of a large portal."""

from __future__ import annotations

import pytest

from tests.benchmarks.fleet import HUGE, find_wrong_portals, start_fleet, wait_until

SMALL = 59


@pytest.mark.soak
def test_every_portal_ends_right_if_one_of_three_processes_is_killed() -> None:
    with start_fleet(SMALL) as desk:
        for _ in range(3):
            desk.start_process()
        desk.add(HUGE)
        wait_until(lambda: desk.registry.load(HUGE).is_running)
        for name in desk.small:
            desk.add(name)
        desk.kill_process_of(HUGE)
        wait_until(lambda: all(portal.last.done_at for portal in desk.registry.load_all()))
        assert find_wrong_portals(desk) == []
        assert desk.count_rescued() >= 1
