from __future__ import annotations

from tests.sync.conftest import approved, scored, world

__all__ = ["approved", "scored", "world"]
