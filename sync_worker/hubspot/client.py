"""The door of this room: one object that holds every noun, on one connection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from types import TracebackType
from typing import Self

from sync_worker.base_url import checked
from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.api.account import Account
from sync_worker.hubspot.api.companies import Companies
from sync_worker.hubspot.api.contacts import Contacts
from sync_worker.hubspot.api.deals import Deals
from sync_worker.hubspot.api.downloads import Downloads
from sync_worker.hubspot.api.email_events import Emails
from sync_worker.hubspot.api.event_occurrences import Occurrences
from sync_worker.hubspot.api.exports import Exports
from sync_worker.hubspot.api.forms import Forms
from sync_worker.hubspot.api.imports import Imports
from sync_worker.hubspot.api.lists import Lists
from sync_worker.hubspot.api.marketing_events import MarketingEvents
from sync_worker.hubspot.api.properties import Properties
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.clock_skew import TOLERANCE
from sync_worker.hubspot.rest.endpoints import Version
from sync_worker.hubspot.rest.metrics import Traffic
from sync_worker.hubspot.rest.rate_limiter import Limits, Throttle
from sync_worker.hubspot.rest.retry import Patience, Retrying
from sync_worker.hubspot.rest.sdk import Later, open_sdk
from sync_worker.hubspot.rest.session import open_line
from sync_worker.hubspot.rest.transport import Timeouts, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpot:
    """HubSpot as the pipeline knows it; any thread may use any noun.

    `identity` is the same for the same address and token, and tells neither.
    """

    identity: str
    contacts: Contacts
    companies: Companies
    deals: Deals
    emails: Emails
    occurrences: Occurrences
    forms: Forms
    marketing_events: MarketingEvents
    lists: Lists
    properties: Properties
    exports: Exports
    imports: Imports
    account: Account
    traffic: Traffic
    transport: Transport

    def heed(self) -> None:
        """Raise `Closed` where it has been closed: for whoever works long without asking HubSpot anything."""
        self.transport.clock.check()

    def close(self) -> None:
        """Close the connections; whoever waits for a slot or a retry gets `Closed`. What is on the line is still answered."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def connect(
    *,
    token: str,
    base_url: str = "https://api.hubapi.com",
    api_version: Version = "2026-09",
    timeouts: Timeouts | None = None,
    limits: Limits | None = None,
    patience: Patience | None = None,
    tolerance: timedelta = TOLERANCE,
    pool_size: int = 300,
    clock: Clock | None = None,
    rng: Random | None = None,
) -> HubSpot:
    """Return HubSpot behind a token; nothing is sent yet.

    `tolerance` is how far HubSpot's clock and this machine's may be apart: beyond it, every call raises ConfigurationError.
    `pool_size` is the number of connections kept, best no smaller than the number of threads.

    Raises:
        ConfigurationError: the token cannot be one, or the address is not https (loopback may be http).
    """
    try:
        address = checked(base_url)
    except ValueError as error:
        raise ConfigurationError(f"HUBSPOT_BASE_URL: {error}.", hint="It looks like https://api.hubapi.com.") from None
    clock = clock or Clock()
    traffic = Traffic()
    transport = Transport(
        line=open_line(token, address, pool_size=pool_size),
        base_url=address,
        version=api_version,
        throttle=Throttle(limits or Limits(), clock),
        retrying=Retrying(patience or Patience(), clock, rng=rng or Random(), on_retry=traffic.retried),  # noqa: S311 - no secret
        traffic=traffic,
        timeouts=timeouts or Timeouts(),
        clock=clock,
        tolerance=tolerance,
    )
    identity = hashlib.sha256(f"{address} {token.strip()}".encode()).hexdigest()[:16]
    return _with_nouns(transport, traffic, identity)


def _with_nouns(transport: Transport, traffic: Traffic, identity: str) -> HubSpot:
    sdk = open_sdk(transport)
    crm = sdk.crm
    return HubSpot(
        identity=identity,
        contacts=Contacts(crm.contacts),
        companies=Companies(crm.companies),
        deals=Deals(Later(lambda: crm.deals), Later(lambda: crm.associations.v4.batch_api)),
        emails=Emails(transport),
        occurrences=Occurrences(sdk.events.events_api),
        forms=Forms(Later(lambda: sdk.marketing.forms.forms_api), transport),
        marketing_events=MarketingEvents(
            Later(lambda: sdk.marketing.events.basic_api), Later(lambda: sdk.marketing.events.retrieve_participant_state_api)
        ),
        lists=Lists(Later(lambda: crm.lists.lists_api), Later(lambda: crm.lists.memberships_api)),
        properties=Properties(
            Later(lambda: crm.properties.core_api), Later(lambda: crm.properties.batch_api), Later(lambda: crm.properties.groups_api)
        ),
        exports=Exports(transport, Downloads(traffic)),
        imports=Imports(transport),
        account=Account(transport),
        traffic=traffic,
        transport=transport,
    )
