"""The types of the model file; their docstrings are the descriptions in the JSON Schema."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sync_worker.model.file.conditions import Condition, StrictBaseModel, Texts, add_short_forms
from sync_worker.model.file.suggest import did_you_mean
from sync_worker.model.file.units import Duration, Loss, Percent, Points, parse_duration, parse_percent

GRADE_LETTERS: Final = ("F", "D-", "D", "D+", "C-", "C", "C+", "B-", "B", "B+", "A-", "A", "A+")

#: The kinds of event that a criterion can count, in addition to `custom:<HubSpot event name>`.
EVENT_KINDS: Final = (
    "email_click",
    "email_open",
    "page_view",
    "form_submission",
    "download",
    "search_term",
    "campaign_touch",
    "webinar",
)
CUSTOM_PREFIX: Final = "custom:"
_PORTAL_PREFIX: Final = re.compile(r"^pe\d+_(?=.)")

#: Each language has a translation file in model/i18n.
Language = Literal["en", "de", "es", "fr", "it", "ca", "zh"]
Label = str | Annotated[dict[Language, str], Field(min_length=1)]
PropertyType = Literal["text", "number", "boolean", "date", "enumeration"]


def _validate_event_kind(value: str) -> str:
    """Return a kind of event; HubSpot shows a custom event with the id of the portal, which is removed: `custom:pe123_login`."""
    if value in EVENT_KINDS:
        return value
    name = _PORTAL_PREFIX.sub("", value.removeprefix(CUSTOM_PREFIX))
    if value.startswith(CUSTOM_PREFIX) and name:
        return f"{CUSTOM_PREFIX}{name}"
    raise ValueError(
        f"unknown kind of event {value!r}; expected {', '.join(EVENT_KINDS)} or custom:<HubSpot event name>"
        f"{did_you_mean(value, EVENT_KINDS)}"
    )


def _validate_time_zone(value: str) -> str:
    # tzdata lists nearly all zones; a search of the machine's zone files takes twenty times as long.
    if value not in resources.files("tzdata").joinpath("zones").read_text("ascii").split() and value not in zoneinfo.available_timezones():
        raise ValueError(f"unknown time zone {value!r}; expected a name such as Europe/Berlin or UTC")
    return value


def _normalize_letter(value: object) -> object:
    return value.replace("−", "-") if isinstance(value, str) else value


EventKind = Annotated[
    str,
    AfterValidator(_validate_event_kind),
    WithJsonSchema({"anyOf": [{"enum": list(EVENT_KINDS)}, {"type": "string", "pattern": f"^{CUSTOM_PREFIX}.+"}]}),
]
TimeZoneName = Annotated[str, AfterValidator(_validate_time_zone)]
GradeLetter = Annotated[
    Literal["F", "D-", "D", "D+", "C-", "C", "C+", "B-", "B", "B+", "A-", "A", "A+"],
    BeforeValidator(_normalize_letter),
]
EventCount = Annotated[int, BeforeValidator(lambda v: int(v) if isinstance(v, str) and v.isdecimal() else v)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class Property(StrictBaseModel):
    """A custom property of the portal: its type, and the options of an enumeration."""

    type: PropertyType = Field(description="The type of the values.")
    options: Texts | None = Field(None, description="The options of an enumeration, by internal name.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema with the short form: the type alone."""
        return add_short_forms(handler(core_schema), {"enum": list(get_args(PropertyType))})

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value


class Downloads(StrictBaseModel):
    """Downloads: the URLs of files."""

    urls: Texts = Field(("*.pdf", "*.docx", "*.pptx", "*.xlsx", "*.zip", "*.epub"), description="Patterns of the URLs that are downloads.")


class SearchTerms(StrictBaseModel):
    """Search terms: the query parameters of a page's URL that contain the term."""

    parameters: Texts = Field(("q", "query", "s", "search", "utm_term"), description="Query parameters whose value is a search term.")


class CampaignTouches(StrictBaseModel):
    """Campaign touches: the query parameters of a page's URL that name the campaign, and optionally the campaigns that count."""

    parameters: Texts = Field(("utm_campaign",), description="Query parameters whose value is a campaign.")
    campaigns: Texts | None = Field(None, description="Patterns of the campaigns that count; default: all.")


class Signals(StrictBaseModel):
    """The sources of the derived kinds of event."""

    downloads: Downloads = Field(Downloads(), description="Which URLs are downloads.")
    search_terms: SearchTerms = Field(SearchTerms(), description="Which query parameters hold a search term.")
    campaign_touches: CampaignTouches = Field(CampaignTouches(), description="Which query parameters name a campaign.")


_KNOWN_CRAWLERS: Final = (
    "*bot*", "*crawler*", "*spider*", "*slurp*", "*barracuda*", "*mimecast*", "*proofpoint*", "*safelinks*", "*bingpreview*",
    "*googleimageproxy*", "*yahoomailproxy*", "*headlesschrome*", "*phantomjs*", "python-requests*", "python-urllib*", "curl/*",
    "wget/*", "java/*", "go-http-client*", "okhttp/*", "apache-httpclient*", "libwww-perl*",
)  # fmt: skip


class MachineClicks(StrictBaseModel):
    """The rules that detect events made by bots; null switches a rule off."""

    flagged_by_hubspot: bool = Field(True, description="Events that HubSpot marks as made by bots do not count.")
    after_send: Duration | None = Field(
        parse_duration("2 seconds"), description="Clicks within this time after the email was sent do not count."
    )
    links_within_a_second: Annotated[int, Field(ge=2)] | None = Field(
        3, description="Clicks on this many different links within one second do not count."
    )
    user_agents: Texts | None = Field(_KNOWN_CRAWLERS, description="Events of these user agents, and of known crawlers, do not count.")


class DomainList(StrictBaseModel):
    """Entries of a domain list and exceptions; an entry includes all of its subdomains."""

    add: Texts | None = Field(None, description="Domains in addition to the maintained list.")
    remove: Texts | None = Field(None, alias="except", description="Exceptions: domains that are not part of the list.")


class Criterion(StrictBaseModel):
    """A criterion of the score: events that are counted, or a condition on the contact."""

    label: Label | None = Field(
        None, description="The text for sales reps, or one for each language: {en: ..., de: ...}; {count} is the number of events."
    )
    event: EventKind | None = Field(None, description="The kind of event that is counted.")
    where: Condition | None = Field(None, description="Which of the events count: operators on url, form, campaign or name.")
    except_: Literal["direct"] | None = Field(
        None, alias="except", description="direct: events that meet a direct qualifier do not count, such as submissions of a contact form."
    )
    when: Condition | None = Field(None, description="Which contacts get the points: operators on properties.")
    tiers: dict[EventCount, Points] | None = Field(None, description="Points by number of events; tiers add up.")
    each: Points | None = Field(None, description="Points for every event.")
    at_most: Points | None = Field(None, description="The cap of the points from `each`.")
    points: Points | None = Field(None, description="Points, given once.")
    importance: str | None = Field(None, description="A class of the importance table instead of points; -high gives negative points.")
    within: Duration | None = Field(None, description="Only events within this time count.")
    per_day: Annotated[int, Field(ge=1)] | None = Field(None, description="At most this many events per day count.")
    enabled: bool = Field(True, description="false switches the criterion off.")


class Degradation(StrictBaseModel):
    """The decay of the score without engagement."""

    kind: Literal["inactivity", "per_event", "none"] = Field(
        "inactivity", description="inactivity: the earned total decays; per_event: each event decays by its own age; none: no decay."
    )
    grace: Duration | None = Field(None, description="No decay for this time.")
    every: Duration | None = Field(None, description="The length of a period; only full periods count.")
    lose: Loss | None = Field(None, description="The loss per period: a share of the earned total, or points.")
    half_life: Duration | None = Field(None, description="The time until half is left.")
    expiry: Duration | None = Field(None, description="Linear decay of each event to zero in this time.")
    floor: Percent = Field(
        parse_percent("50 %"), description="The share of the threshold below which a contact that had earned it does not decay."
    )


class Trend(StrictBaseModel):
    """The trend: the time to compare with, and the points of difference that make it rising or falling."""

    over: Duration = Field(parse_duration("14 days"), description="The time to compare with.")
    at_least: Annotated[int, Field(ge=1)] = Field(1, description="The points of difference that make a score rising or falling.")


class Band(StrictBaseModel):
    """A band of scores, by its lower bound."""

    name: Annotated[str, Field(pattern=r"^\S(.{0,58}\S)?$")] = Field(
        description="The name, as in the property and in the name of the list."
    )
    from_: int = Field(alias="from", description="The lowest score of the band.")


class Score(StrictBaseModel):
    """The score: how ready a contact is to buy."""

    criteria: dict[Key, Criterion] = Field(min_length=1, description="The criteria, by a short name.")
    degradation: Degradation = Field(Degradation(), description="The decay of the score without engagement.")
    minimum: int | None = Field(None, description="The lowest possible score.")
    bands: Annotated[tuple[Band, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v), Field(min_length=1)] = Field(
        description="The bands, in ascending order."
    )
    trend: Trend = Field(Trend(), description="When a score is rising or falling.")


class GradeCriterion(StrictBaseModel):
    """A criterion of the grade: thirds of a letter for a match, for a mismatch, and if the result is unknown."""

    label: Label | None = Field(None, description="The text for sales reps.")
    when: Condition = Field(description="The condition on the contact or its company.")
    thirds: Literal[1, 2, 3] = Field(1, description="The thirds of a letter for a match.")
    otherwise: Annotated[int, Field(le=0, ge=-12)] = Field(0, description="The thirds of a letter for a mismatch, 0 or less.")
    unknown: Annotated[int, Field(le=0, ge=-12)] = Field(
        0, exclude_if=lambda thirds: thirds == 0, description="Thirds of a letter if the result is unknown: 0 or less."
    )
    enabled: bool = Field(True, description="false switches the criterion off.")


class Grade(StrictBaseModel):
    """The grade: how well a contact fits."""

    start: GradeLetter = Field("D", description="The grade of every contact before the criteria.")
    letters: Literal["signed", "whole"] = Field("signed", description="signed: A+ to F with signs; whole: A to F.")
    criteria: dict[Key, GradeCriterion] = Field(default_factory=dict, description="The criteria, by a short name.")


class Rule(StrictBaseModel):
    """A rule that holds for a contact with a matching event, or if a condition holds."""

    label: Label | None = Field(None, description="The text for sales reps.")
    event: EventKind | None = Field(None, description="The kind of event that makes the rule hold.")
    where: Condition | None = Field(None, description="Which of the events: operators on url, form, campaign or name.")
    when: Condition | None = Field(None, description="The condition on the contact that makes the rule hold.")
    enabled: bool = Field(True, description="false switches the rule off.")

    @property
    def validity(self) -> timedelta | None:
        """How long an event counts; None: without limit."""
        return None


class DirectQualifier(Rule):
    """A rule that makes a contact an MQL at any score."""

    valid_for: Duration | None = Field(None, description="How long a request counts; default: without limit.")

    @property
    def validity(self) -> timedelta | None:
        """How long a request counts; None: without limit."""
        return self.valid_for


class Disqualifier(Rule):
    """A rule that excludes a contact from being an MQL."""

    within: Duration | None = Field(None, description="How long an event excludes the contact; default: without limit.")

    @property
    def validity(self) -> timedelta | None:
        """How long an event excludes the contact; None: without limit."""
        return self.within


class Qualification(StrictBaseModel):
    """The rules of the MQL status."""

    threshold: Points = Field(description="The minimum score of an MQL by score.")
    leave_below: Points | None = Field(None, description="Default: the threshold minus a sixth.")
    grade_at_least: GradeLetter | None = Field(None, description="The minimum grade of an MQL by score.")
    known_at_least: Annotated[int, Field(ge=1)] | None = Field(None, description="The minimum number of grade criteria that are known.")
    incomplete_grade: Literal["hold", "pass"] = Field("hold", description="Until then: hold the contact back, or let it pass.")
    direct: dict[Key, DirectQualifier] = Field(
        default_factory=dict, description="Rules that make a contact an MQL at any score, by a short name."
    )
    disqualifiers: dict[Key, Disqualifier] = Field(default_factory=dict, description="Rules that exclude a contact, by a short name.")
    new_per_day: Annotated[int, Field(ge=1)] | None = Field(None, description="Maximum number of new MQLs per day.")
    foreign_members: Literal["keep", "remove"] = Field(
        "keep", description="Contacts on our lists that the worker did not add: keep or remove."
    )


#: The paths of criteria and rules in the model file, each with the term for one of them.
CRITERION_GROUPS: Final[Mapping[tuple[str, str], str]] = {
    ("score", "criteria"): "criterion",
    ("grade", "criteria"): "grade criterion",
    ("qualification", "direct"): "direct qualifier",
    ("qualification", "disqualifiers"): "disqualifier",
}


class Document(StrictBaseModel):
    """A model file."""

    version: Literal[1] = Field(1, description="The version of the format.")
    name: str = Field(description="The name of the model; sales reps see it.")
    description: str | None = Field(None, description="A note for the team, without effect.")
    language: Language = Field("en", description="The language of the texts for sales reps.")
    time_zone: TimeZoneName = Field("UTC", description="The time zone of days and dates, such as Europe/Berlin.")
    properties: dict[str, Property] = Field(default_factory=dict, description="Custom properties of the portal that conditions use.")
    importance: dict[Key, Points] = Field(
        default_factory=lambda: {"high": Decimal(20), "medium": Decimal(10), "low": Decimal(5)},
        description="The points of each importance class.",
    )
    domains: dict[Key, DomainList] = Field(default_factory=dict, description="Lists of domains, by name.")
    signals: Signals = Field(Signals(), description="The sources of the derived kinds of event.")
    machine_clicks: MachineClicks = Field(MachineClicks(), description="The rules that detect events made by bots.")
    score: Score = Field(description="The score: how ready a contact is to buy.")
    grade: Grade = Field(Grade(), description="The grade: how well a contact fits.")
    qualification: Qualification = Field(description="The rules of the MQL status.")

    def members(self, group: tuple[str, str]) -> Mapping[str, Criterion | GradeCriterion | Rule]:
        """Return the criteria or rules at one of the CRITERION_GROUPS by key."""
        found: Mapping[str, Criterion | GradeCriterion | Rule] = getattr(getattr(self, group[0]), group[1])
        return found

    def dump_canonical(self) -> Mapping[str, Any]:
        """Return the meaning of the model as JSON data: with defaults, without the description."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"description"})
