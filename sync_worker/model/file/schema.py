"""The types of the model file; their docstrings are the descriptions in the JSON Schema."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from sync_worker.model.file.conditions import Condition, StrictBaseModel, Texts
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

    type: PropertyType
    options: Texts | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value


class Downloads(StrictBaseModel):
    """Downloads: the URLs of files."""

    urls: Texts = ("*.pdf", "*.docx", "*.pptx", "*.xlsx", "*.zip", "*.epub")


class SearchTerms(StrictBaseModel):
    """Search terms: the query parameters of a page's URL that contain the term."""

    parameters: Texts = ("q", "query", "s", "search", "utm_term")


class CampaignTouches(StrictBaseModel):
    """Campaign touches: the query parameters of a page's URL that name the campaign, and optionally the campaigns that count."""

    parameters: Texts = ("utm_campaign",)
    campaigns: Texts | None = None


class Signals(StrictBaseModel):
    """The sources of the derived kinds of event."""

    downloads: Downloads = Downloads()
    search_terms: SearchTerms = SearchTerms()
    campaign_touches: CampaignTouches = CampaignTouches()


class MachineClicks(StrictBaseModel):
    """The rules that detect events made by bots; null switches a rule off."""

    flagged_by_hubspot: bool = True
    after_send: Duration | None = parse_duration("2 seconds")
    links_within_a_second: Annotated[int, Field(ge=2)] | None = 3
    user_agents: Texts | None = (
        "*bot*", "*crawler*", "*spider*", "*slurp*", "*barracuda*", "*mimecast*", "*proofpoint*", "*safelinks*", "*bingpreview*",
        "*googleimageproxy*", "*yahoomailproxy*", "*headlesschrome*", "*phantomjs*", "python-requests*", "python-urllib*", "curl/*",
        "wget/*", "java/*", "go-http-client*", "okhttp/*", "apache-httpclient*", "libwww-perl*",
    )  # fmt: skip


class DomainList(StrictBaseModel):
    """Entries of a domain list and exceptions; an entry includes all of its subdomains."""

    add: Texts | None = None
    remove: Texts | None = Field(None, alias="except")


class Criterion(StrictBaseModel):
    """A criterion of the score: events that are counted, or a condition on the contact."""

    label: Label | None = Field(
        None, description="The text for sales reps, or one for each language: {en: ..., de: ...}; {count} is the number of events."
    )
    event: EventKind | None = None
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
    enabled: bool = True


class Degradation(StrictBaseModel):
    """The decay of the score without engagement."""

    kind: Literal["inactivity", "per_event", "none"] = "inactivity"
    grace: Duration | None = None
    every: Duration | None = None
    lose: Loss | None = None
    half_life: Duration | None = None
    expiry: Duration | None = None
    floor: Percent = parse_percent("50 %")


class Trend(StrictBaseModel):
    """The trend: the time to compare with, and the points of difference that make it rising or falling."""

    over: Duration = parse_duration("14 days")
    at_least: Annotated[int, Field(ge=1)] = 1


class Band(StrictBaseModel):
    """A band of scores, by its lower bound."""

    name: Annotated[str, Field(pattern=r"^\S(.{0,58}\S)?$")]
    from_: int = Field(alias="from")


class Score(StrictBaseModel):
    """The score: how ready a contact is to buy."""

    criteria: dict[Key, Criterion] = Field(min_length=1)
    degradation: Degradation = Degradation()
    minimum: int | None = None
    bands: Annotated[tuple[Band, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v), Field(min_length=1)]
    trend: Trend = Trend()


class GradeCriterion(StrictBaseModel):
    """A criterion of the grade: thirds of a letter for a match, for a mismatch, and if the result is unknown."""

    label: Label | None = None
    when: Condition
    thirds: Literal[1, 2, 3] = 1
    otherwise: Annotated[int, Field(le=0, ge=-12)] = 0
    unknown: Annotated[int, Field(le=0, ge=-12)] = Field(
        0, exclude_if=lambda thirds: thirds == 0, description="Thirds of a letter if the result is unknown: 0 or less."
    )
    enabled: bool = True


class Grade(StrictBaseModel):
    """The grade: how well a contact fits."""

    start: GradeLetter = "D"
    letters: Literal["signed", "whole"] = "signed"
    criteria: dict[Key, GradeCriterion] = Field(default_factory=dict)


class Rule(StrictBaseModel):
    """A rule that holds for a contact with a matching event, or if a condition holds."""

    label: Label | None = None
    event: EventKind | None = None
    where: Condition | None = None
    when: Condition | None = None
    enabled: bool = True

    @property
    def validity(self) -> timedelta | None:
        """How long an event counts; None: without limit."""
        return None


class DirectQualifier(Rule):
    """A rule that makes a contact an MQL at any score."""

    valid_for: Duration | None = None

    @property
    def validity(self) -> timedelta | None:
        """How long a request counts; None: without limit."""
        return self.valid_for


class Disqualifier(Rule):
    """A rule that excludes a contact from being an MQL."""

    within: Duration | None = None

    @property
    def validity(self) -> timedelta | None:
        """How long an event excludes the contact; None: without limit."""
        return self.within


class Qualification(StrictBaseModel):
    """The rules of the MQL status."""

    threshold: Points
    leave_below: Points | None = Field(None, description="Default: the threshold minus a sixth.")
    grade_at_least: GradeLetter | None = None
    known_at_least: Annotated[int, Field(ge=1)] | None = None
    incomplete_grade: Literal["hold", "pass"] = "hold"
    direct: dict[Key, DirectQualifier] = Field(default_factory=dict)
    disqualifiers: dict[Key, Disqualifier] = Field(default_factory=dict)
    new_per_day: Annotated[int, Field(ge=1)] | None = Field(None, description="Maximum number of new MQLs per day.")
    foreign_members: Literal["keep", "remove"] = "keep"


#: The paths of criteria and rules in the model file, each with the term for one of them.
CRITERION_GROUPS: Final[Mapping[tuple[str, str], str]] = {
    ("score", "criteria"): "criterion",
    ("grade", "criteria"): "grade criterion",
    ("qualification", "direct"): "direct qualifier",
    ("qualification", "disqualifiers"): "disqualifier",
}


class Document(StrictBaseModel):
    """A model file."""

    version: Literal[1] = 1
    name: str
    description: str | None = None
    language: Language = "en"
    time_zone: TimeZoneName = "UTC"
    properties: dict[str, Property] = Field(default_factory=dict, description="Custom properties of the portal that conditions use.")
    importance: dict[Key, Points] = Field(default_factory=lambda: {"high": Decimal(20), "medium": Decimal(10), "low": Decimal(5)})
    domains: dict[Key, DomainList] = Field(default_factory=dict)
    signals: Signals = Signals()
    machine_clicks: MachineClicks = MachineClicks()
    score: Score
    grade: Grade = Grade()
    qualification: Qualification

    def members(self, group: tuple[str, str]) -> Mapping[str, Criterion | GradeCriterion | Rule]:
        """Return the criteria or rules at one of the CRITERION_GROUPS by key."""
        found: Mapping[str, Criterion | GradeCriterion | Rule] = getattr(getattr(self, group[0]), group[1])
        return found

    def dump_canonical(self) -> Mapping[str, Any]:
        """Return the meaning of the model as JSON data: with defaults, without the description."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"description"})
