"""The web page of a portal: contacts as a sales rep sees them, lists, and what was written last."""

from __future__ import annotations

from sync_worker.sandbox.web.routes import routes

__all__ = ["routes"]
