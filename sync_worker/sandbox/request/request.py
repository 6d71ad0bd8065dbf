"""One request as the endpoints read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.datastructures import QueryParams

from sync_worker.sandbox.base.ids import LONGEST
from sync_worker.sandbox.base.object_types import UNGRANTED, ObjectType, object_type
from sync_worker.sandbox.base.portal_data import Tier
from sync_worker.sandbox.base.responses import Json, invalid, not_found
from sync_worker.sandbox.crm.audit_log import Source
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.request import body_validation
from sync_worker.sandbox.request.auth_tokens import missing_scopes
from sync_worker.sandbox.request.rate_limits import Budgets


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in, on the portal it is for."""

    portal: Portal
    version: str  # v3, 2026-03 or 2026-09
    path: Mapping[str, str]  # the variables of the path
    base_url: str
    url_path: str
    query: QueryParams
    budgets: Budgets
    tier: Tier
    body: bytes = b""
    source: Source = field(default=Source("INTEGRATION"))
    content_type: str = ""

    def table(self, name: str = "objectType") -> Table:
        """Return the table of the object type in the path."""
        return self.portal.tables[self.kind(name).name]

    def kind(self, name: str = "objectType") -> ObjectType:
        """Return the object type in the path."""
        found = object_type(self.path[name])
        if found is None and self.path[name] in UNGRANTED:
            raise missing_scopes([f"crm.objects.{self.path[name]}.read"])
        if found is None:
            raise invalid(f"Unable to infer object type from: {self.path[name]}")
        return found

    def json(self) -> Any:  # noqa: ANN401 -- whatever the client sent
        """Return the body."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise invalid(f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}") from None

    def json_object(self) -> Json:
        """Return the body, which must be a JSON object with fields of the right kinds."""
        return body_validation.checked(self.json())

    def whole(self, name: str, default: int, *, largest: int, smallest: int = 1) -> int:
        """Return a whole number of the query string within its limits."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if not re.fullmatch(r"-?\d{1,18}", text):
            raise invalid(f"Invalid integer value for parameter {name}: {text}")
        value = int(text)
        if not smallest <= value <= largest:
            raise invalid(f"Invalid {name} {value}: it must be between {smallest} and {largest}.")
        return value

    def names(self, name: str) -> list[str]:
        """Return a parameter that is repeated or holds several values with commas."""
        return [part.strip() for value in self.query.getlist(name) for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false."""
        return self.query.get(name, "false").lower() == "true"


def record_id(text: str) -> int:
    """Return the id of a record in a path or body.

    Raises:
        ReplyError: 404, in HubSpot's words, where it is none.
    """
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST:
        hint = "Object not found.  objectId are usually numeric."
        raise not_found(hint, "OBJECT_NOT_FOUND", context={"id": [text]})
    if not int(text):
        raise not_found("Object not found. objectId is usually positive.", "OBJECT_NOT_FOUND", context={"id": [text]})
    return int(text)


def require(body: Mapping[str, Any], what: str, *names: str) -> None:
    """Refuse a body that lacks some of its fields."""
    missing = [name for name in names if body.get(name) is None]
    if missing:
        raise invalid(f"Invalid input JSON on line 1, column 1: Cannot build {what}, some of required attributes are not set {missing}")
