"""A generated portal in blocks; each block of people and companies is generated independently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.companies import Company, generate_companies
from sync_worker.sandbox.generator.contacts import contact_row
from sync_worker.sandbox.generator.deals import deal_row
from sync_worker.sandbox.generator.email_campaigns import EmailSend, email_event_rows, generate_campaigns, generate_sends
from sync_worker.sandbox.generator.form_submissions import FormSubmission, generate_submissions, submission_row
from sync_worker.sandbox.generator.page_views import page_view_rows
from sync_worker.sandbox.generator.people import Person, creation_time, generate_people
from sync_worker.sandbox.generator.seeded_random import create_random
from sync_worker.sandbox.generator.subscriptions import subscription_rows
from sync_worker.sandbox.generator.webinars import generate_webinars, participation_rows

PORTAL_ID: Final = 4_242_001
_PEOPLE_PER_BLOCK: Final = 600  # enough for colleagues, few enough for a fast start
_COMPANIES_PER_BLOCK: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSpec:
    """Parameters of a generated portal; `now` in epoch milliseconds."""

    contact_count: int
    seed: int
    now: int

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the portal, oldest contacts first."""
        return (Block(spec=self, number=number) for number in range(-(-self.contact_count // _PEOPLE_PER_BLOCK)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedRows:
    """The rows of one kind, generated again in each iteration."""

    spec: PortalSpec
    rows_of_block: Callable[[Block], Iterator[Row]]

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows, block by block."""
        for block in self.spec.blocks():
            yield from self.rows_of_block(block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of people, companies and events; each kind of row has its own random source and is generated independently."""

    spec: PortalSpec
    number: int

    def contacts(self) -> Iterator[Row]:
        """Yield the contacts of the people."""
        return map(partial(contact_row, rng=self._create_random("contacts"), now=self.spec.now), self._generate_people())

    def companies(self) -> Iterator[Row]:
        """Yield the companies."""
        return (company.to_row() for company in self._generate_companies())

    def email_events(self) -> Iterator[Row]:
        """Yield the email events of the people."""
        rng = self._create_random("email events")
        for person, sends in self._generate_sends():
            yield from email_event_rows(person, rng, sends, PORTAL_ID, self.spec.now)

    def events(self) -> Iterator[Row]:
        """Yield the page views of the people."""
        rng = self._create_random("page views")
        for (person, submissions), (_, sends) in zip(self._generate_submissions(), self._generate_sends(), strict=True):
            yield from page_view_rows(person, rng, submissions, sends, self.spec.now)

    def submissions(self) -> Iterator[Row]:
        """Yield the form submissions of the people."""
        rng = self._create_random("submissions")
        return (submission_row(person, each, rng) for person, submissions in self._generate_submissions() for each in submissions)

    def participations(self) -> Iterator[Row]:
        """Yield the webinar participations of the people."""
        rng, webinars = self._create_random("participations"), generate_webinars(self.spec.now)
        for person, submissions in self._generate_submissions():
            yield from participation_rows(person, rng, submissions, webinars, self.spec.now)

    def deals(self) -> Iterator[Row]:
        """Yield the deals of the people."""
        rng = self._create_random("deals")
        return (deal_row(person, person.deal, rng, self.spec.now) for person in self._generate_people() if person.deal)

    def subscriptions(self) -> Iterator[Row]:
        """Yield the subscriptions of the people."""
        rng = self._create_random("subscriptions")
        for person in self._generate_people():
            yield from subscription_rows(person, rng, self.spec.now)

    def _create_random(self, kind: str) -> Random:
        return create_random(self.spec.seed, kind, self.number)

    def _person_numbers(self) -> range:
        start = self.number * _PEOPLE_PER_BLOCK
        return range(start, min(start + _PEOPLE_PER_BLOCK, self.spec.contact_count))

    def _generate_companies(self) -> Iterator[Company]:
        count = -(-len(self._person_numbers()) * _COMPANIES_PER_BLOCK // _PEOPLE_PER_BLOCK)
        created_before = creation_time(self.number * _PEOPLE_PER_BLOCK / self.spec.contact_count, self.spec.now)
        return generate_companies(
            self._create_random("companies"), first_number=self.number * _COMPANIES_PER_BLOCK, count=count, created_before=created_before
        )

    def _generate_people(self) -> Iterator[Person]:
        spec, companies = self.spec, list(self._generate_companies())
        return generate_people(
            self._create_random("people"), numbers=self._person_numbers(), total=spec.contact_count, companies=companies, now=spec.now
        )

    def _generate_submissions(self) -> Iterator[tuple[Person, list[FormSubmission]]]:
        rng = self._create_random("conversions")
        return ((person, generate_submissions(person, rng)) for person in self._generate_people())

    def _generate_sends(self) -> Iterator[tuple[Person, list[EmailSend]]]:
        rng, campaigns = self._create_random("mailings"), generate_campaigns(self.spec.now)
        return ((person, generate_sends(person, rng, campaigns, self.spec.now)) for person in self._generate_people())
