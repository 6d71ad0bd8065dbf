"""The web page of a portal: contacts, one contact as a sales rep sees it, lists, and recent writes."""

from __future__ import annotations

from sync_worker.sandbox.web.routes import routes

__all__ = ["routes"]
