from __future__ import annotations

from tests.pipeline.conftest import approved, scored, world

__all__ = ["approved", "scored", "world"]
