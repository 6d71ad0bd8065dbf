"""The HubSpot client: one object with every API, on one connection pool."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from types import TracebackType
from typing import Self

from sync_worker.base_url import validate_base_url
from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.api.access_token import AccessToken
from sync_worker.hubspot.api.account import Account
from sync_worker.hubspot.api.bulk.downloads import FileDownloader
from sync_worker.hubspot.api.bulk.exports import Exports
from sync_worker.hubspot.api.bulk.imports import Imports
from sync_worker.hubspot.api.crm.companies import Companies
from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.crm.deals import Deals
from sync_worker.hubspot.api.crm.pipelines import Pipelines
from sync_worker.hubspot.api.crm.properties import Properties
from sync_worker.hubspot.api.crm.property_histories import PropertyHistories
from sync_worker.hubspot.api.crm.tasks import Tasks
from sync_worker.hubspot.api.email_events import EmailEvents
from sync_worker.hubspot.api.event_occurrences import EventOccurrences
from sync_worker.hubspot.api.forms import Forms
from sync_worker.hubspot.api.lists import Lists
from sync_worker.hubspot.api.marketing_events import MarketingEvents
from sync_worker.hubspot.api.owners import ActiveOwners
from sync_worker.hubspot.api.subscriptions import Subscriptions
from sync_worker.hubspot.api.workflows import Workflows
from sync_worker.hubspot.budgets import Budgets
from sync_worker.hubspot.records.row_parser import RowParser
from sync_worker.hubspot.rest.clock import Clock, ConnectionClosed
from sync_worker.hubspot.rest.clock_skew import DEFAULT_TOLERANCE
from sync_worker.hubspot.rest.endpoints import ApiVersion
from sync_worker.hubspot.rest.metrics import RequestMetrics
from sync_worker.hubspot.rest.rate_limiter import RateLimiter, RateLimitSettings
from sync_worker.hubspot.rest.retry import Retrier, RetryPolicy
from sync_worker.hubspot.rest.sdk import LazyApi, open_sdk
from sync_worker.hubspot.rest.session import open_session
from sync_worker.hubspot.rest.transport import MAX_REPLY_BYTES, Timeouts, Transport

__all__ = ("ConnectionClosed", "HubSpot", "connect")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpot:
    """The APIs of one portal. Any thread may use any of them.

    `identity` is a hash of the base URL and the token.
    """

    identity: str
    contacts: Contacts
    companies: Companies
    deals: Deals
    pipelines: Pipelines
    tasks: Tasks
    owners: ActiveOwners
    email_events: EmailEvents
    event_occurrences: EventOccurrences
    forms: Forms
    marketing_events: MarketingEvents
    subscriptions: Subscriptions
    lists: Lists
    properties: Properties
    property_histories: PropertyHistories
    workflows: Workflows
    exports: Exports
    imports: Imports
    account: Account
    access_token: AccessToken
    metrics: RequestMetrics
    budgets: Budgets
    transport: Transport

    def raise_if_closed(self) -> None:
        """Raise `ConnectionClosed` after `close`. For long work without a call to HubSpot."""
        self.transport.clock.raise_if_stopped()

    def require_permit(self, permit: Callable[[], float]) -> AbstractContextManager[None]:
        """Call `permit` before each request of the block, also before each retry.

        It returns how many seconds the request may take; its error prevents the request.
        """
        return self.transport.require_permit(permit)

    def pause(self, seconds: float) -> None:
        """Wait before a request is repeated. Raises `ConnectionClosed` after `close`."""
        self.transport.clock.sleep(seconds)

    def close(self) -> None:
        """Close the connections. Waits for a slot or a retry raise `ConnectionClosed`; requests in flight still get their reply."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def connect(
    *,
    token: str,
    base_url: str = "https://api.hubapi.com",
    api_version: ApiVersion = "2026-09",
    timeouts: Timeouts | None = None,
    max_reply_bytes: int = MAX_REPLY_BYTES,
    limits: RateLimitSettings | None = None,
    retry_policy: RetryPolicy | None = None,
    tolerance: timedelta = DEFAULT_TOLERANCE,
    pool_size: int = 300,
    clock: Clock | None = None,
    rng: Random | None = None,
) -> HubSpot:
    """Return a client for the portal of a token. Sends nothing yet.

    `tolerance` is the permitted difference between HubSpot's clock and the clock of this machine; beyond it, every call raises
    ConfigurationError. `max_reply_bytes` is the size of a decompressed reply.
    `pool_size` is the number of connections kept; it should be at least the number of threads.

    Raises:
        ConfigurationError: the token is malformed, or the URL is not https (loopback may be http).
    """
    try:
        address = validate_base_url(base_url)
    except ValueError as error:
        raise ConfigurationError(f"HUBSPOT_BASE_URL: {error}.", hint="Example: https://api.hubapi.com.") from None
    clock, timeouts = clock or Clock(), timeouts or Timeouts()
    metrics = RequestMetrics()
    transport = Transport(
        session=open_session(token, address, pool_size=pool_size, reply_seconds=timeouts.total),
        base_url=address,
        version=api_version,
        rate_limiter=RateLimiter(limits or RateLimitSettings(), clock),
        retrier=Retrier(retry_policy or RetryPolicy(), clock, rng=rng or Random(), on_retry=metrics.count_retry),  # noqa: S311 - no secret
        metrics=metrics,
        timeouts=timeouts,
        max_reply_bytes=max_reply_bytes,
        clock=clock,
        clock_tolerance=tolerance,
    )
    identity = hashlib.sha256(f"{address} {token.strip()}".encode()).hexdigest()[:16]
    return _build_client(transport, metrics, identity, token)


def _build_client(transport: Transport, metrics: RequestMetrics, identity: str, token: str) -> HubSpot:
    sdk = open_sdk(transport)
    crm, rows = sdk.crm, RowParser(metrics.count_unreadable)
    return HubSpot(
        identity=identity,
        contacts=Contacts(crm.contacts, rows),
        companies=Companies(crm.companies, rows),
        deals=Deals(LazyApi(lambda: crm.deals), LazyApi(lambda: crm.associations.v4.batch_api), rows),
        pipelines=Pipelines(transport, rows),
        tasks=Tasks(transport),
        owners=ActiveOwners(transport, rows),
        email_events=EmailEvents(transport, rows),
        event_occurrences=EventOccurrences(sdk.events.events_api, rows),
        forms=Forms(LazyApi(lambda: sdk.marketing.forms.forms_api), transport, rows),
        marketing_events=MarketingEvents(
            LazyApi(lambda: sdk.marketing.events.basic_api), LazyApi(lambda: sdk.marketing.events.retrieve_participant_state_api), rows
        ),
        subscriptions=Subscriptions(transport, rows),
        lists=Lists(LazyApi(lambda: crm.lists.lists_api), LazyApi(lambda: crm.lists.memberships_api), transport, rows),
        properties=Properties(
            LazyApi(lambda: crm.properties.core_api),
            LazyApi(lambda: crm.properties.groups_api),
            rows,
        ),
        property_histories=PropertyHistories(transport, rows),
        workflows=Workflows(transport, rows),
        exports=Exports(transport, FileDownloader(metrics)),
        imports=Imports(transport),
        account=Account(transport),
        access_token=AccessToken(transport, token.strip()),
        metrics=metrics,
        budgets=Budgets.of(transport.rate_limiter, transport.clock),
        transport=transport,
    )
