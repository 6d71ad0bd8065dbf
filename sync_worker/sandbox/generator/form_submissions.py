"""Forms, and who filled them in."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.seeded_random import between, pick, shares, uuid
from sync_worker.sandbox.generator.website import SITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form and the page that it stands on."""

    id: str
    name: str
    path: str

    def row(self) -> Row:
        """Return the form as HubSpot shows it."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A form that somebody filled in, at a moment in epoch milliseconds."""

    form: Form
    at: int


CONTACT_US: Final = Form(id="5c1d7a30-0001-4f6e-9b7a-000000000001", name="Contact us", path="/contact-us")
DEMO: Final = Form(id="5c1d7a30-0002-4f6e-9b7a-000000000002", name="Request a demo", path="/request-a-demo")
NEWSLETTER: Final = Form(id="5c1d7a30-0003-4f6e-9b7a-000000000003", name="Newsletter", path="/newsletter")
WHITEPAPER: Final = Form(id="5c1d7a30-0004-4f6e-9b7a-000000000004", name="Whitepaper", path="/resources/guide-to-lead-scoring")
WEBINAR: Final = Form(id="5c1d7a30-0005-4f6e-9b7a-000000000005", name="Webinar", path="/webinars/next")
FORMS: Final = (CONTACT_US, DEMO, NEWSLETTER, WHITEPAPER, WEBINAR)

_READING: Final = shares([(NEWSLETTER, 3), (WHITEPAPER, 4), (WEBINAR, 3)])
_ASKING: Final = shares([(CONTACT_US, 5), (DEMO, 4)])


def conversions(person: Person, rng: Random) -> list[Conversion]:
    """Return what somebody filled in, oldest first; a submission is known by its address, so without one there is none."""
    if not person.email or not person.heat.forms[1]:
        return []
    span = person.last_active - person.first_active
    filled = [
        Conversion(form=pick(rng, _READING), at=person.first_active + int(rng.random() * span))
        for _ in range(between(rng, *person.heat.forms))
    ]
    if person.kind.asks and rng.random() < person.heat.asks:
        filled.append(Conversion(form=pick(rng, _ASKING), at=person.last_active - int(rng.random() ** 2 * span / 3)))
    return sorted(filled, key=lambda conversion: conversion.at)


def submission(person: Person, conversion: Conversion, rng: Random) -> Row:
    """Return a conversion as HubSpot's form submission."""
    fields = {"email": person.email, "firstname": person.first.text, "lastname": person.last.text}
    if person.company:
        fields["company"] = person.company.name
    return {
        "conversionId": uuid(rng),
        "formId": conversion.form.id,
        "submittedAt": conversion.at,
        "pageUrl": SITE + conversion.form.path,
        "values": [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in fields.items()],
    }
