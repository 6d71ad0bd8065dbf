from __future__ import annotations

from tests.sync.conftest import backfill_harness, harness, live_harness

__all__ = ["backfill_harness", "harness", "live_harness"]
