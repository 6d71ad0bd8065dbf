"""HTTP responses and HubSpot's error bodies; hubspot-api.md section 2."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

Json = dict[str, Any]
CONTENT_TYPE = "application/json;charset=utf-8"


class JsonResponse(Response):
    """A JSON response."""

    media_type = CONTENT_TYPE

    def render(self, content: Any) -> bytes:  # noqa: ANN401 -- any JSON value
        """Return the body."""
        return orjson.dumps(content)


class NoContentResponse(Response):
    """A 204 response without a body."""

    def __init__(self) -> None:
        super().__init__(status_code=204)


class ApiError(Exception):
    """An error response with HubSpot's error envelope."""

    def __init__(self, status: int, message: str, category: str | None = None, **fields: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"status": "error", "message": message}
        if category is not None:
            self.body["category"] = category
        self.body.update(fields)

    def to_response(self, correlation_id: str) -> Response:
        """Return the envelope as a response."""
        return JsonResponse({**self.body, "correlationId": correlation_id}, status_code=self.status)


def validation_error(message: str, **fields: object) -> ApiError:
    """Return the 400 for an invalid request."""
    return ApiError(400, message, "VALIDATION_ERROR", **fields)


def not_found_error(message: str = "resource not found", category: str | None = None, **fields: object) -> ApiError:
    """Return the 404 for a missing resource; the 404 of a record has no category."""
    return ApiError(404, message, category, **fields)


def uri_too_long_response() -> Response:
    """Return the 414 page of HubSpot's gateway for a URL that is too long."""
    title = "414 Request-URI Too Large"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    return Response(f"{page}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", status_code=414, media_type="text/html")
