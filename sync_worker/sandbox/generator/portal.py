"""A made-up portal, block by block: each block of people and their companies can be made without the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.companies import Company, companies
from sync_worker.sandbox.generator.contacts import contact
from sync_worker.sandbox.generator.deals import deal
from sync_worker.sandbox.generator.email_campaigns import Mailing, campaigns, email_events, mailings
from sync_worker.sandbox.generator.form_submissions import Conversion, conversions, submission
from sync_worker.sandbox.generator.page_views import page_views
from sync_worker.sandbox.generator.people import Person, known_since, people
from sync_worker.sandbox.generator.seeded_random import chance
from sync_worker.sandbox.generator.webinars import participations, webinars

PORTAL_ID: Final = 4_242_001
_PEOPLE: Final = 600  # of a block: enough to have colleagues, few enough to make quickly
_COMPANIES: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a made-up portal is made from; `now` in epoch milliseconds."""

    contacts: int
    seed: int
    now: int

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the portal, those of the oldest contacts first."""
        return (Block(world=self, number=number) for number in range(-(-self.contacts // _PEOPLE)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one kind, made anew each time they are iterated."""

    world: World
    of_block: Callable[[Block], Iterator[Row]]

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows, block by block."""
        for block in self.world.blocks():
            yield from self.of_block(block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some people, their companies, and what they did. Each kind of row has chance of its own, and is made alone."""

    world: World
    number: int

    def contacts(self) -> Iterator[Row]:
        """Yield the contacts of the people."""
        return map(partial(contact, rng=self._chance("contacts"), now=self.world.now), self._people())

    def companies(self) -> Iterator[Row]:
        """Yield the companies."""
        return (company.row() for company in self._companies())

    def email_events(self) -> Iterator[Row]:
        """Yield what happened to the newsletters that the people got."""
        rng = self._chance("email events")
        for person, received in self._mailings():
            yield from email_events(person, rng, received, PORTAL_ID, self.world.now)

    def events(self) -> Iterator[Row]:
        """Yield the page views of the people."""
        rng = self._chance("page views")
        for (person, filled), (_, received) in zip(self._conversions(), self._mailings(), strict=True):
            yield from page_views(person, rng, filled, received, self.world.now)

    def submissions(self) -> Iterator[Row]:
        """Yield the forms that the people filled in."""
        rng = self._chance("submissions")
        return (submission(person, conversion, rng) for person, filled in self._conversions() for conversion in filled)

    def participations(self) -> Iterator[Row]:
        """Yield how the people took part in webinars."""
        rng, held = self._chance("participations"), webinars(self.world.now)
        for person, filled in self._conversions():
            yield from participations(person, rng, filled, held, self.world.now)

    def deals(self) -> Iterator[Row]:
        """Yield the deals with the people."""
        rng = self._chance("deals")
        return (deal(person, person.deal, rng, self.world.now) for person in self._people() if person.deal)

    def _chance(self, kind: str) -> Random:
        return chance(self.world.seed, kind, self.number)

    def _numbers(self) -> range:
        start = self.number * _PEOPLE
        return range(start, min(start + _PEOPLE, self.world.contacts))

    def _companies(self) -> Iterator[Company]:
        count = -(-len(self._numbers()) * _COMPANIES // _PEOPLE)
        begun = known_since(self.number * _PEOPLE / self.world.contacts, self.world.now)
        return companies(self._chance("companies"), first=self.number * _COMPANIES, count=count, before=begun)

    def _people(self) -> Iterator[Person]:
        world, staff = self.world, list(self._companies())
        return people(self._chance("people"), numbers=self._numbers(), total=world.contacts, companies=staff, now=world.now)

    def _conversions(self) -> Iterator[tuple[Person, list[Conversion]]]:
        rng = self._chance("conversions")
        return ((person, conversions(person, rng)) for person in self._people())

    def _mailings(self) -> Iterator[tuple[Person, list[Mailing]]]:
        rng, sent = self._chance("mailings"), campaigns(self.world.now)
        return ((person, mailings(person, rng, sent, self.world.now)) for person in self._people())
