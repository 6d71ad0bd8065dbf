"""Tasks API: tasks on the records of contacts. A task has a key of ours in its notes, by which it is found again.

Source: "Tasks" of HubSpot's activities API; association type 204 is from a task to a contact. HubSpot has no key for idempotent creation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync_worker.batched import batched
from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.hubspot.rest.transport import Transport

BATCH_SIZE: Final = 100
ASSOCIATION_BATCH_SIZE: Final = 1_000
TASK_TO_CONTACT: Final = 204
BODY: Final = "hs_task_body"
KEY: Final = re.compile(r"\bmql-\d+-\d+\b")  # in the notes of a task


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to create. `body` is HTML and contains the key; `due` is in milliseconds."""

    key: str
    contact_id: int
    subject: str
    body: str
    due: int
    owner_id: str | None


class Tasks:
    """The tasks of contacts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def check_access(self) -> None:
        """Raise Forbidden if the token may not read tasks."""
        self._transport.send("POST", "/crm/v3/objects/tasks/batch/read", body={"properties": [], "inputs": []})

    def create(self, tasks: Sequence[NewTask]) -> dict[str, str]:
        """Create up to 100 tasks; return the id of each by its key. HubSpot creates all or none.

        Not repeated without a reply: the caller must look for the tasks first.
        """
        data = self._transport.create("/crm/v3/objects/tasks/batch/create", {"inputs": [_serialize(task) for task in tasks]})
        with translate_parse_errors("create tasks"):
            return _match_keys(data["results"], [task.key for task in tasks])

    def find(self, keys: Mapping[str, int]) -> dict[str, str]:
        """Return the ids of the tasks with these keys (key → contact), by key.

        The tasks are found by their contacts, because HubSpot's search shows new records late.
        """
        ids = [id_ for contacts in batched(sorted(set(keys.values())), ASSOCIATION_BATCH_SIZE) for id_ in self._list_ids(contacts)]
        found: dict[str, str] = {}
        for some in batched(ids, BATCH_SIZE):
            body = {"properties": [BODY], "inputs": [{"id": id_} for id_ in some]}
            data = self._transport.send("POST", "/crm/v3/objects/tasks/batch/read", body=body)
            with translate_parse_errors("read tasks"):
                found |= _match_keys(data["results"], keys)
        return found

    def _list_ids(self, contact_ids: Sequence[int]) -> list[str]:
        waiting: list[JsonObject] = [{"id": str(id_)} for id_ in contact_ids]
        ids: dict[str, None] = {}
        while waiting:
            data = self._transport.send("POST", "/crm/v4/associations/contacts/tasks/batch/read", body={"inputs": waiting})
            with translate_parse_errors("read the tasks of contacts"):
                results: list[JsonObject] = data["results"]
                ids |= dict.fromkeys(str(to["toObjectId"]) for row in results for to in row["to"])
                waiting = [
                    {"id": row["from"]["id"], "after": row["paging"]["next"]["after"]}
                    for row in results
                    if row.get("paging", {}).get("next", {}).get("after")
                ]
        return list(ids)


def _serialize(task: NewTask) -> JsonObject:
    properties = {
        "hs_timestamp": str(task.due),
        "hs_task_subject": task.subject,
        BODY: task.body,
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH",
        "hs_task_type": "TODO",
        **({"hubspot_owner_id": task.owner_id} if task.owner_id else {}),
    }
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TASK_TO_CONTACT}]
    return {"properties": properties, "associations": [{"to": {"id": str(task.contact_id)}, "types": types}]}


def _match_keys(rows: Sequence[JsonObject], keys: Collection[str]) -> dict[str, str]:
    # HubSpot may change the HTML around a key. Whole words match, so that a key never matches a longer one.
    found = {key: str(row["id"]) for row in rows for key in KEY.findall(row["properties"].get(BODY) or "")}
    return {key: found[key] for key in keys if key in found}
