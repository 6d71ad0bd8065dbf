"""HubSpot's own SDK on our transport: it names the endpoints and builds the requests, nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from hubspot import HubSpot as Sdk

from sync_worker.hubspot.transport import Transport

Parameters = Iterable[tuple[str, object]]


class RestClient:
    """Stands where the SDK's generated apis keep their own HTTP client (hubspot-api-client 12: `api_client.rest_client`).

    Every call is made with `_preload_content=False`, so that the SDK hands the JSON through as it is: its models cost 8-10 times the CPU.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def GET(self, url: str, query_params: Parameters = (), **_: object) -> Any:  # noqa: ANN401, N802 - the SDK's name
        """Read."""
        return self._send("GET", url, query_params)

    def POST(self, url: str, query_params: Parameters = (), body: object = None, **_: object) -> Any:  # noqa: ANN401, N802
        """Create, search, or work on a batch."""
        return self._send("POST", url, query_params, body)

    def PUT(self, url: str, query_params: Parameters = (), body: object = None, **_: object) -> Any:  # noqa: ANN401, N802
        """Replace."""
        return self._send("PUT", url, query_params, body)

    def PATCH(self, url: str, query_params: Parameters = (), body: object = None, **_: object) -> Any:  # noqa: ANN401, N802
        """Change."""
        return self._send("PATCH", url, query_params, body)

    def _send(self, method: str, url: str, query: Parameters, body: object = None) -> Any:  # noqa: ANN401
        path = url.removeprefix(self._transport.base_url)
        return self._transport.send(method, path, query=[(name, _as_text(value)) for name, value in query or ()], body=body)


def open_sdk(transport: Transport) -> Any:  # noqa: ANN401 - the SDK has no types
    """Return the SDK's root, each of whose apis sends through the transport; the SDK never sees the token."""
    rest_client = RestClient(transport)

    def make_api(package: ModuleType, name: str, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
        client = package.ApiClient(package.Configuration(host=config["host"]))
        client.rest_client = rest_client
        return getattr(package, name)(client)

    return Sdk(api_factory=make_api, host=transport.base_url)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
