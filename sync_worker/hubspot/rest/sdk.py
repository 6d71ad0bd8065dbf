"""HubSpot's SDK on our transport. The SDK only builds the requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cache, partial
from types import ModuleType
from typing import Any, Final, TypeAlias

import orjson
from hubspot import HubSpot as Sdk

from sync_worker.hubspot.rest.json_body import BodyDecoder, Json
from sync_worker.hubspot.rest.transport import Transport

Parameters: TypeAlias = Iterable[tuple[str, object]]
Untyped: TypeAlias = Any  # the SDK has no types

RAW: Final = {"_preload_content": False}  # the SDK returns the JSON unchanged


class RestClient:
    """Replaces the HTTP client of the SDK's generated APIs (hubspot-api-client 12: `api_client.rest_client`).

    Every call uses `_preload_content=False`, so that the SDK returns the JSON unchanged: its models cost 8 to 10 times the CPU time.
    """

    def __init__(self, transport: Transport, decode: BodyDecoder = orjson.loads) -> None:
        self._transport = transport
        self._decode = decode
        self.GET = partial(self._send, "GET")
        self.POST = partial(self._send, "POST")
        self.PUT = partial(self._send, "PUT")
        self.PATCH = partial(self._send, "PATCH")

    def _send(self, method: str, url: str, *, query_params: Parameters | None = None, body: object = None, **_: object) -> Json:
        path = url.removeprefix(self._transport.base_url)
        query = [(name, _as_text(value)) for name, value in query_params or ()]
        return self._transport.send(method, path, query=query, body=body, decode=self._decode)

    def with_decoder(self, decode: BodyDecoder) -> RestClient:
        """Return a client with another decoder."""
        return RestClient(self._transport, decode)


class LazyApi:
    """An API of the SDK that is imported at its first use: each has dozens of modules, and most runs need only a few."""

    def __init__(self, load: Callable[[], Untyped]) -> None:
        self._load = cache(load)

    def __getattr__(self, name: str) -> Untyped:
        """Return an attribute of the API."""
        return getattr(self._load(), name)


def open_sdk(transport: Transport) -> Untyped:
    """Return an SDK whose APIs send through the transport. The SDK never gets the token."""
    rest_client = RestClient(transport)

    def make_api(package: ModuleType, name: str, config: Mapping[str, str]) -> Untyped:
        client = package.ApiClient(package.Configuration(host=config["host"]))
        client.rest_client = rest_client
        client.sanitize_for_serialization = _identity
        return getattr(package, name)(client)

    return Sdk(api_factory=make_api, host=transport.base_url)


def with_decoder(api: Untyped, decode: BodyDecoder) -> Untyped:
    """Return a copy of an API with another decoder."""
    twin = copy(api)
    twin.api_client = copy(api.api_client)
    twin.api_client.rest_client = api.api_client.rest_client.with_decoder(decode)
    return twin


def _identity(value: object) -> object:
    """Replace the SDK's conversion of its models: all values are plain here, and the check of each value is expensive."""
    return value


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
