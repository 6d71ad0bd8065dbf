"""Values that HubSpot derives from other values of the same record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sync_worker.sandbox.base.object_types import CONTACTS, DEALS, ObjectType
from sync_worker.sandbox.base.portal_data import Row

WON, LOST = "closedwon", "closedlost"


def derived(kind: ObjectType, values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return what follows from values that are written: of a deal's stage, of a contact's address."""
    if kind is DEALS and values.get("dealstage"):
        stage = values["dealstage"]
        return {"hs_is_closed": _text(stage in {WON, LOST}), "hs_is_closed_won": _text(stage == WON)}
    if kind is CONTACTS and "email" in values:
        email = values["email"]
        return {"hs_email_domain": email.rpartition("@")[2] if email else None}
    return {}


def with_derived(kind: ObjectType, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows with what follows from their values, where they do not say it themselves."""
    for row in rows:
        properties = row.get("properties") or {}
        yield {**row, "properties": {**derived(kind, properties), **properties}}


def _text(flag: bool) -> str:  # noqa: FBT001 -- it is the value
    return "true" if flag else "false"
