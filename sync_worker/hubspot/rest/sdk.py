"""HubSpot's own SDK on our transport: it names the endpoints and builds the requests, nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cache, partial
from types import ModuleType
from typing import Any, Final, TypeAlias

import orjson
from hubspot import HubSpot as Sdk

from sync_worker.hubspot.rest.transport import BodyDecoder, Json, Transport

Parameters: TypeAlias = Iterable[tuple[str, object]]
Untyped: TypeAlias = Any  # the SDK has no types

RAW: Final = {"_preload_content": False}  # the SDK hands the JSON through


class RestClient:
    """Stands where the SDK's generated apis keep their own HTTP client (hubspot-api-client 12: `api_client.rest_client`).

    Every call is made with `_preload_content=False`, so that the SDK hands the JSON through as it is: its models cost 8-10 times the CPU.
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
        """Return another one, whose replies are decoded so."""
        return RestClient(self._transport, decode)


class LazyApi:
    """An api of the SDK that is imported when it is first used: each is dozens of modules, and most runs need a few of them."""

    def __init__(self, load: Callable[[], Untyped]) -> None:
        self._load = cache(load)

    def __getattr__(self, name: str) -> Untyped:
        """Return what the api has by that name."""
        return getattr(self._load(), name)


def open_sdk(transport: Transport) -> Untyped:
    """Return the SDK's root, each of whose apis sends through the transport; the SDK never sees the token."""
    rest_client = RestClient(transport)

    def make_api(package: ModuleType, name: str, config: Mapping[str, str]) -> Untyped:
        client = package.ApiClient(package.Configuration(host=config["host"]))
        client.rest_client = rest_client
        client.sanitize_for_serialization = _identity
        return getattr(package, name)(client)

    return Sdk(api_factory=make_api, host=transport.base_url)


def with_decoder(api: Untyped, decode: BodyDecoder) -> Untyped:
    """Return the same api, whose replies are decoded so instead of into plain JSON."""
    twin = copy(api)
    twin.api_client = copy(api.api_client)
    twin.api_client.rest_client = api.api_client.rest_client.with_decoder(decode)
    return twin


def _identity(value: object) -> object:
    """Stand where the SDK looks into each value for models of its own: all that it is given here is plain, and the look costs more."""
    return value


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
