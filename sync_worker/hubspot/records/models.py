"""What HubSpot tells us, as typed records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
CursorT = TypeVar("CursorT", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage(Generic[T, CursorT]):
    """One page of a longer answer; `next` is what asks for the page after it, None at the end; `total` counts all where HubSpot tells."""

    items: tuple[T, ...]
    next: CursorT | None
    total: int | None = None


class Record(msgspec.Struct, frozen=True, gc=False):  # made by the hundred thousand: quicker than a dataclass
    """What HubSpot showed of a record: the values of the properties with these names, text or None, as HubSpot has them."""

    id: int
    names: tuple[str, ...]
    values: tuple[str | None, ...]
    updated_at: datetime
    archived: bool = False

    @property
    def properties(self) -> dict[str, str | None]:
        """The values by name."""
        return dict(zip(self.names, self.values, strict=True))


class Contact(Record, frozen=True, gc=False):
    """A contact."""

    @property
    def merged_ids(self) -> frozenset[int]:
        """The ids of the contacts that were merged into this one; they answer to its id now."""
        return frozenset(int(part) for part in (self.properties.get("hs_merged_object_ids") or "").split(";") if part.isdecimal())


class Company(Record, frozen=True, gc=False):
    """A company; a contact's `associatedcompanyid` names its primary one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A deal and the contacts it belongs to."""

    id: int
    properties: Mapping[str, str | None]
    contact_ids: tuple[int, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReadResult(Generic[T]):
    """The answer to a question for certain ids: each asked id is the id of an item, or in `moved`, or in `missing`.

    `moved`: old id to the id of the item that it was merged into.
    """

    items: tuple[T, ...]
    missing: frozenset[int]
    merged_into: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """How much there is, as HubSpot's search index knows it, some moments late."""

    total: int
    highest_id: int | None
    lowest_id: int | None = None

    @property
    def density(self) -> float:
        """How many records there are for each id between the lowest and the highest."""
        return self.total / (1 + (self.highest_id or 0) - (self.lowest_id or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactUpdate:
    """New values of one contact's properties; "" clears."""

    id: int
    properties: dict[str, str]  # sent as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAck:
    """What HubSpot showed after a write: the written properties as it holds them now, which may differ from what was sent.

    `refused`: the properties that it did not take, each with the reason; they are as they were.
    """

    properties: Mapping[str, str | None]
    updated_at: datetime
    rejected_properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWriteResult:
    """What became of a batch: each id that was sent stands in exactly one of `acknowledged`, `rejected` and `moved`.

    `rejected`: id to the reason. `gone`: those of them that HubSpot no longer knows. `moved`: id to the id that it was merged
    into; nothing was written there.
    """

    acknowledged: Mapping[int, WriteAck] = field(default_factory=dict)
    rejected: Mapping[int, str] = field(default_factory=dict)
    merged_into: Mapping[int, int] = field(default_factory=dict)
    deleted: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that somebody did: a click, an open, a page view, a form submission.

    Either `contact_id` or `email` (lower case) says who: HubSpot's e-mail events and submissions know the address only.
    """

    id: str
    kind: str  # email_click, email_open, page_view, form_submission, webinar, custom:<name> ...
    at: datetime
    contact_id: int | None = None
    email: str | None = None
    url: str | None = None
    form_id: str | None = None
    campaign: str | None = None  # utm campaign of a page view, id of the e-mail campaign or of the marketing event
    name: str | None = None  # title of the page or of the webinar
    user_agent: str | None = None
    sent_at: datetime | None = None  # of the e-mail that was clicked
    filtered: bool = False  # HubSpot's own mark for machines and staff
    obsoleted_by: str | None = None  # the event that replaces this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of the portal; its submissions are read one form at a time."""

    id: str
    name: str
    archived: bool = False
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketingEvent:
    """A webinar, a fair, a workshop; who attended is read one event at a time."""

    id: str
    name: str
    type: str = ""  # whatever the program that made it calls it, such as WEBINAR; often nothing
    attendee_count: int | None = None  # as HubSpot counts them
    updated_at: datetime | None = None

    @property
    def is_webinar(self) -> bool:
        """Whether it is a webinar, or at least nothing else that is named."""
        return not self.type.strip() or "webinar" in self.type.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactList:
    """A list of contacts; only the members of a manual or snapshot list can be changed."""

    id: str
    name: str
    processing_type: str  # MANUAL, SNAPSHOT or DYNAMIC
    size: int | None = None

    @property
    def is_dynamic(self) -> bool:
        """Whether its filters alone decide who is in it."""
        return self.processing_type == "DYNAMIC"


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipChangeResult:
    """What HubSpot did with a change of a list's members; who was in or out already is in none of these."""

    added: frozenset[int] = frozenset()
    removed: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()  # no such contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyOption:
    """A value that an enumeration may have."""

    value: str
    label: str
    order: int = -1
    hidden: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyDefinition:
    """The definition of a property."""

    name: str
    label: str
    type: str  # string, number, date, datetime, enumeration, bool, phone_number ...
    field_type: str  # text, textarea, number, select ...
    group: str
    description: str = ""
    options: tuple[PropertyOption, ...] = ()
    order: int = -1
    hidden: bool = False
    form_field: bool = False
    # What HubSpot says of it; not sent.
    archived: bool = False
    calculated: bool = False
    hubspot_defined: bool = False
    read_only: bool = False  # its values cannot be written


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyGroup:
    """A heading under which HubSpot shows properties."""

    name: str
    label: str
    order: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCreateResult:
    """What became of definitions: those made, and the names refused with their reasons."""

    properties: tuple[PropertyDefinition, ...] = ()
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file that HubSpot works off, and its counters of rows and records once it is done."""

    id: str
    state: str  # STARTED, PROCESSING, DEFERRED; DONE, FAILED, CANCELED, REVERTED
    created_at: datetime
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether HubSpot will write nothing more of it."""
        return self.state in {"DONE", "FAILED", "CANCELED", "REVERTED"}

    @property
    def is_successful(self) -> bool:
        """Whether it came to a good end, though rows of it may have been refused."""
        return self.state == "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRowError:
    """Something that HubSpot found wrong with a row of an import; the contact, where HubSpot shows the row."""

    contact_id: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDetails:
    """The portal behind the token."""

    portal_id: int
    time_zone: str  # IANA name; its midnight starts a new day of calls
    account_type: str  # STANDARD, DEVELOPER_TEST, SANDBOX, APP_DEVELOPER
    currency: str | None = None
    ui_domain: str = "app.hubspot.com"
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUsage:
    """The day's calls of all private apps."""

    limit: int
    used: int
    resets_at: datetime | None
