"""Names of contacts as HubSpot shows them now. The state has only their email addresses, so that it keeps no more personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Protocol, Self

from sync_worker.hubspot.client import HubSpot

NAME_PROPERTIES: Final = ("email", "firstname", "lastname", "company")
MAX_NAMES: Final = 1_000  # contacts whose names are read for one report
MAX_CHARS: Final = 80  # of a name, a company or an address in a text


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactName:
    """What identifies a contact for people; the attributes are HubSpot's properties. None: unknown or hidden."""

    email: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    company: str | None = None

    @property
    def text(self) -> str:
        """Return name, company and address in one line; empty if none is known."""
        full_name = " ".join(filter(None, (self.firstname, self.lastname)))
        lines = (" ".join((part or "").split()) for part in (full_name, self.company, self.email))
        return ", ".join(line if len(line) <= MAX_CHARS else f"{line[:MAX_CHARS]} …" for line in lines if line)

    def as_json(self) -> dict[str, str | None]:
        """Return the properties for `--json`."""
        return asdict(self)


NO_NAME: Final = ContactName()


class ContactReport(Protocol):
    """A report that lists contacts."""

    @property
    def listed_ids(self) -> Sequence[int]:
        """Return the contacts, the most important first."""

    def with_names(self, names: Mapping[int, ContactName]) -> Self:
        """Return the report with these names."""


def read_names(hubspot: HubSpot, ids: Sequence[int]) -> Mapping[int, ContactName]:
    """Return the names of the first contacts by id, without those that HubSpot does not have."""
    found = hubspot.contacts.read(ids[:MAX_NAMES], NAME_PROPERTIES).items if ids else ()
    return {
        contact.id: ContactName(**{name: contact.properties.get(name) or None for name in NAME_PROPERTIES})
        for contact in found
        if contact.is_readable
    }
