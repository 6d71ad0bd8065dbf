"""Forms and form submissions of a generated portal."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.seeded_random import draw_int, draw_uuid, expand_weights, pick
from sync_worker.sandbox.generator.vocabulary.website import SITE_URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form and the path of its page."""

    id: str
    name: str
    path: str

    def to_row(self) -> Row:
        """Return the form in HubSpot's JSON."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSubmission:
    """A submission of a form at a time in epoch milliseconds."""

    form: Form
    at: int


CONTACT_US_FORM: Final = Form(id="5c1d7a30-0001-4f6e-9b7a-000000000001", name="Contact us", path="/contact-us")
DEMO_FORM: Final = Form(id="5c1d7a30-0002-4f6e-9b7a-000000000002", name="Request a demo", path="/request-a-demo")
NEWSLETTER_FORM: Final = Form(id="5c1d7a30-0003-4f6e-9b7a-000000000003", name="Newsletter", path="/newsletter")
WHITEPAPER_FORM: Final = Form(id="5c1d7a30-0004-4f6e-9b7a-000000000004", name="Whitepaper", path="/resources/guide-to-lead-scoring")
WEBINAR_FORM: Final = Form(id="5c1d7a30-0005-4f6e-9b7a-000000000005", name="Webinar", path="/webinars/next")
FORMS: Final = (CONTACT_US_FORM, DEMO_FORM, NEWSLETTER_FORM, WHITEPAPER_FORM, WEBINAR_FORM)

_CONTENT_FORMS: Final = expand_weights([(NEWSLETTER_FORM, 3), (WHITEPAPER_FORM, 4), (WEBINAR_FORM, 3)])
_SALES_FORMS: Final = expand_weights([(CONTACT_US_FORM, 5), (DEMO_FORM, 4)])


def generate_submissions(person: Person, rng: Random) -> list[FormSubmission]:
    """Return the submissions of a person, oldest first; none without an email address, because HubSpot keys them by address."""
    if not person.email or not person.engagement_level.form_range[1]:
        return []
    span = person.last_active - person.first_active
    submissions = [
        FormSubmission(form=pick(rng, _CONTENT_FORMS), at=person.first_active + int(rng.random() * span))
        for _ in range(draw_int(rng, *person.engagement_level.form_range))
    ]
    if person.persona.requests_contact and rng.random() < person.engagement_level.contact_request_chance:
        submissions.append(FormSubmission(form=pick(rng, _SALES_FORMS), at=person.last_active - int(rng.random() ** 2 * span / 3)))
    return sorted(submissions, key=lambda each: each.at)


def submission_row(person: Person, form_submission: FormSubmission, rng: Random) -> Row:
    """Return a form submission in HubSpot's JSON."""
    fields = {"email": person.email, "firstname": person.first_name.text, "lastname": person.last_name.text}
    if person.company:
        fields["company"] = person.company.name
    return {
        "conversionId": draw_uuid(rng),
        "formId": form_submission.form.id,
        "submittedAt": form_submission.at,
        "pageUrl": SITE_URL + form_submission.form.path,
        "values": [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in fields.items()],
    }
