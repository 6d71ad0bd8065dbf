"""HubSpot's records and the results of its calls, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from sync_worker.hubspot.records.field_types import MAX_ID_DIGITS

T = TypeVar("T")
CursorT = TypeVar("CursorT", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage(Generic[T, CursorT]):
    """One page of a result. `next` is the cursor of the next page, None at the end; `total` counts all items if HubSpot reports it.

    `unreadable` is the number of rows that the page has and `items` lacks.
    """

    items: tuple[T, ...]
    next: CursorT | None
    total: int | None = None
    unreadable: int = 0

    @property
    def lacks_items(self) -> bool:
        """Whether HubSpot counts items that it does not return: the page is empty, and no other page follows."""
        return not self.items and self.next is None and bool(self.total)


class Record(msgspec.Struct, frozen=True, gc=False):  # hundreds of thousands of instances: faster than a dataclass
    """A record with the values of the properties `names`, each a text or None, as HubSpot returned them.

    A record that exists and cannot be read has no names, and `updated_at` is older than any other.
    """

    id: int
    names: tuple[str, ...]
    values: tuple[str | None, ...]
    updated_at: datetime
    archived: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether the record has values."""
        return bool(self.names)

    @property
    def properties(self) -> dict[str, str | None]:
        """The values by name."""
        return dict(zip(self.names, self.values, strict=True))


class Contact(Record, frozen=True, gc=False):
    """A contact."""

    @property
    def merged_ids(self) -> frozenset[int]:
        """The ids of the contacts that were merged into this one."""
        parts = (self.properties.get("hs_merged_object_ids") or "").split(";")
        return frozenset(int(part) for part in parts if part.isdecimal() and len(part) <= MAX_ID_DIGITS)


class Company(Record, frozen=True, gc=False):
    """A company. The `associatedcompanyid` of a contact is the id of its primary company."""


RecordT = TypeVar("RecordT", Contact, Company)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A deal and its contacts."""

    id: int
    properties: Mapping[str, str | None]
    contact_ids: tuple[int, ...]
    updated_at: datetime

    @property
    def is_readable(self) -> bool:
        """Always true: deals that cannot be read are left out."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReadResult(Generic[T]):
    """The result of a read by id. Each requested id is the id of an item, or in `merged_into`, or in `missing`, or it cannot be read.

    `merged_into`: requested id → id of the item that it was merged into.
    """

    items: tuple[T, ...]
    missing: frozenset[int]
    merged_into: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """Number and id range of the records, from HubSpot's search index, which lags."""

    total: int
    highest_id: int | None
    lowest_id: int | None = None

    @property
    def density(self) -> float:
        """Records per id between the lowest and the highest id."""
        return self.total / (1 + (self.highest_id or 0) - (self.lowest_id or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactUpdate:
    """New property values of one contact. An empty text clears the value."""

    id: int
    properties: dict[str, str]  # the request body


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAck:
    """The written properties as HubSpot returned them. They may differ from the values sent."""

    properties: Mapping[str, str | None]
    updated_at: datetime


class CauseKind(Enum):
    """What a rejection is about."""

    VALUE = "value"  # the type or the options of a property that was sent; the same value would be rejected again
    RULE = "rule"  # a rule of an administrator, access, a long lock, or a reason that is not known; the request may succeed tomorrow
    TEMPORARY = "temporary"  # a lock, an internal error, an id left out; the same request may succeed in a few seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionCause:
    """Why HubSpot did not write a property. The reason contains codes and property names, no value."""

    kind: CauseKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWriteResult:
    """The result of a batch write. Each property that was sent is acknowledged or rejected, unless its id is merged or deleted.

    `rejected`: id → rejected property → cause. `deleted`: ids that no longer exist. `merged_into`: id → id of the surviving contact, which
    was not written.
    """

    acknowledged: Mapping[int, WriteAck] = field(default_factory=dict)
    rejected: Mapping[int, Mapping[str, RejectionCause]] = field(default_factory=dict)
    merged_into: Mapping[int, int] = field(default_factory=dict)
    deleted: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a contact: a click, an open, a page view, a form submission.

    It has a `contact_id` or an `email` (lower case): HubSpot's email events and submissions contain the address only.
    """

    id: str
    kind: str  # email_click, email_open, page_view, form_submission, webinar, custom:<name> ...
    at: datetime
    contact_id: int | None = None
    email: str | None = None
    url: str | None = None
    form_id: str | None = None
    campaign: str | None = None  # utm campaign of a page view, id of the email campaign or of the marketing event
    name: str | None = None  # title of the page or of the webinar
    user_agent: str | None = None
    sent_at: datetime | None = None  # of the clicked email
    filtered: bool = False  # HubSpot's flag for bots and staff
    obsoleted_by: str | None = None  # the event that replaces this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of the portal."""

    id: str
    name: str | None  # None: HubSpot does not return it
    type: str | None = None  # hubspot, captured, flow, blog_comment ...
    archived: bool = False
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketingEvent:
    """A webinar, trade show or workshop."""

    id: str
    name: str
    type: str = ""  # the name that the connected tool uses, such as WEBINAR; often empty
    attendee_count: int | None = None
    updated_at: datetime | None = None

    @property
    def is_webinar(self) -> bool:
        """Whether the type is webinar or empty."""
        return not self.type.strip() or "webinar" in self.type.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSubscriptions:
    """The names of the subscription types that an address, in lower case, has opted in to, and of those that it has unsubscribed from."""

    email: str
    subscribed_to: tuple[str, ...]
    unsubscribed_from: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactList:
    """A list of contacts. Only the members of manual and snapshot lists can be changed."""

    id: str
    name: str
    processing_type: str  # MANUAL, SNAPSHOT or DYNAMIC
    size: int | None = None

    @property
    def is_dynamic(self) -> bool:
        """Whether filters alone determine the members."""
        return self.processing_type == "DYNAMIC"


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipChangeResult:
    """The changes of a list that HubSpot named. Contacts that were already members, or already were not, are in no field."""

    added: frozenset[int] = frozenset()
    removed: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()  # contacts that do not exist
    rejected: Mapping[int, str] = field(default_factory=dict)  # id → reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyOption:
    """An option of an enumeration property."""

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
    # Returned by HubSpot, never sent:
    archived: bool = False
    calculated: bool = False
    hubspot_defined: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyGroup:
    """A group of properties in HubSpot's UI."""

    name: str
    label: str
    order: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import, with counters of rows and records when it has finished."""

    id: str
    state: str  # STARTED, PROCESSING, DEFERRED; DONE, FAILED, CANCELED, REVERTED
    created_at: datetime
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether HubSpot has stopped processing it."""
        return self.state in {"DONE", "FAILED", "CANCELED", "REVERTED"}

    @property
    def is_successful(self) -> bool:
        """Whether HubSpot has processed all rows. Some may be rejected."""
        return self.state == "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRowError:
    """An error in a row of an import, with the contact if HubSpot returns the row."""

    contact_id: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDetails:
    """The portal of the token."""

    portal_id: int
    time_zone: str  # IANA name; the daily limit resets at its midnight
    account_type: str  # STANDARD, DEVELOPER_TEST, SANDBOX, APP_DEVELOPER
    currency: str | None = None
    ui_domain: str = "app.hubspot.com"
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUsage:
    """Today's calls of all private apps."""

    limit: int
    used: int
    resets_at: datetime | None
