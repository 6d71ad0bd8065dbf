"""Computes values that HubSpot derives from other values of the same record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sync_worker.sandbox.base.object_types import CONTACTS, DEALS, ObjectType
from sync_worker.sandbox.base.portal_data import Row

WON_STAGE, LOST_STAGE = "closedwon", "closedlost"


def compute_values(object_type: ObjectType, values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the derived values: flags of a deal's stage, the domain of a contact's email."""
    if object_type is DEALS and values.get("dealstage"):
        stage = values["dealstage"]
        return {"hs_is_closed": _bool_text(stage in {WON_STAGE, LOST_STAGE}), "hs_is_closed_won": _bool_text(stage == WON_STAGE)}
    if object_type is CONTACTS and "email" in values:
        email = values["email"]
        return {"hs_email_domain": email.rpartition("@")[2] if email else None}
    return {}


def add_computed_values(object_type: ObjectType, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows with derived values; values of the row take precedence."""
    for row in rows:
        properties = row.get("properties") or {}
        yield {**row, "properties": {**compute_values(object_type, properties), **properties}}


def _bool_text(flag: bool) -> str:  # noqa: FBT001 -- the flag is the value
    return "true" if flag else "false"
