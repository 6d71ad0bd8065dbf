"""The workflows of the portal. The sandbox stores them and does not execute them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_worker.sandbox.base.responses import Json


@dataclass(slots=True, kw_only=True)
class StoredWorkflow:
    """A workflow as the client sent it."""

    id: int
    body: Json
    created: int  # epoch milliseconds
    updated: int
    revision: int = 1

    @property
    def name(self) -> str:
        """Its name; HubSpot does not require one, and does not keep it unique."""
        return str(self.body.get("name") or "")

    @property
    def is_enabled(self) -> bool:
        """Whether it is switched on."""
        return bool(self.body["isEnabled"])

    def replace(self, body: Json, *, now: int) -> None:
        """Replace its definition, as a user or an update does."""
        self.body, self.updated, self.revision = body, now, self.revision + 1


class WorkflowRegistry:
    """All workflows of the portal."""

    def __init__(self) -> None:
        self._by_id: dict[int, StoredWorkflow] = {}
        self._last_id = 0

    def __iter__(self) -> Iterator[StoredWorkflow]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, workflow_id: int) -> StoredWorkflow | None:
        """Return a workflow by id."""
        return self._by_id.get(workflow_id)

    def create(self, body: Json, *, now: int) -> StoredWorkflow:
        """Store a new workflow."""
        self._last_id += 1
        created = StoredWorkflow(id=self._last_id, body=body, created=now, updated=now)
        self._by_id[created.id] = created
        return created

    def delete(self, workflow_id: int) -> None:
        """Delete a workflow for good."""
        del self._by_id[workflow_id]
