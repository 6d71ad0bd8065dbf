"""A request as the endpoints see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.datastructures import QueryParams

from sync_worker.sandbox.base.ids import MAX_ID_DIGITS
from sync_worker.sandbox.base.object_types import UNSUPPORTED_TYPES, ObjectType, find_object_type
from sync_worker.sandbox.base.portal_data import Tier
from sync_worker.sandbox.base.responses import Json, not_found_error, validation_error
from sync_worker.sandbox.crm.audit_log import ChangeSource
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.request import body_validation
from sync_worker.sandbox.request.auth_tokens import ApiApp, scopes_error
from sync_worker.sandbox.request.rate_limits import RateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """An authenticated request to a portal."""

    portal: SandboxPortal
    version: str  # v3, 2026-03 or 2026-09
    path_variables: Mapping[str, str]
    base_url: str
    url_path: str
    query: QueryParams
    rate_limits: RateLimits
    tier: Tier
    app: ApiApp
    body: bytes = b""
    source: ChangeSource = field(default=ChangeSource("INTEGRATION"))
    content_type: str = ""

    def table(self, path_variable: str = "objectType") -> ObjectTable:
        """Return the table of the object type in the path."""
        return self.portal.tables[self.object_type(path_variable).name]

    def object_type(self, path_variable: str = "objectType") -> ObjectType:
        """Return the object type in the path."""
        found = find_object_type(self.path_variables[path_variable])
        if found is None and self.path_variables[path_variable] in UNSUPPORTED_TYPES:
            raise scopes_error([f"crm.objects.{self.path_variables[path_variable]}.read"])
        if found is None:
            raise validation_error(f"Unable to infer object type from: {self.path_variables[path_variable]}")
        return found

    def json(self) -> Any:  # noqa: ANN401 -- raw JSON of the client
        """Return the parsed body."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise validation_error(f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}") from None

    def json_object(self) -> Json:
        """Return the body, which must be a JSON object with fields of the right types."""
        return body_validation.validate_body(self.json())

    def integer_param(self, name: str, default: int, *, maximum: int, minimum: int = 1) -> int:
        """Return an integer parameter within its limits."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if not re.fullmatch(r"-?\d{1,18}", text):
            raise validation_error(f"Invalid integer value for parameter {name}: {text}")
        value = int(text)
        if not minimum <= value <= maximum:
            raise validation_error(f"Invalid {name} {value}: it must be between {minimum} and {maximum}.")
        return value

    def list_param(self, name: str) -> list[str]:
        """Return the values of a parameter that is repeated or comma-separated."""
        return [part.strip() for value in self.query.getlist(name) for part in value.split(",") if part.strip()]

    def bool_param(self, name: str) -> bool:
        """Return a boolean parameter."""
        return self.query.get(name, "false").lower() == "true"


def parse_record_id(text: str) -> int:
    """Return a record id of a path or body.

    Raises:
        ApiError: 404 with HubSpot's message if the text is not an id.
    """
    if not text.isascii() or not text.isdigit() or len(text) > MAX_ID_DIGITS:
        message = "Object not found.  objectId are usually numeric."
        raise not_found_error(message, "OBJECT_NOT_FOUND", context={"id": [text]})
    if not int(text):
        raise not_found_error("Object not found. objectId is usually positive.", "OBJECT_NOT_FOUND", context={"id": [text]})
    return int(text)


def require_fields(body: Mapping[str, Any], model_name: str, *names: str) -> None:
    """Reject a body without some of the required fields."""
    missing = [name for name in names if body.get(name) is None]
    if missing:
        raise validation_error(
            f"Invalid input JSON on line 1, column 1: Cannot build {model_name}, some of required attributes are not set {missing}"
        )
