"""Candidates for criteria, each written in the model language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import polars as pl

from sync_worker.model.compiled.facts import COUNTER_PROPERTIES, Facts
from sync_worker.model.file.schema import EVENT_KINDS
from sync_worker.model.lookup.job_titles import SENIORITY_LEVELS
from sync_worker.model.lookup.standard_properties import PropertySpec
from sync_worker.model.lookup.text import normalize_text

#: A criterion that fewer contacts meet, or fewer do not meet, says nothing.
MIN_SUPPORT: Final = 20
MIN_SUPPORT_SHARE: Final = 0.003

RECENT_DAYS: Final = (7, 30, 90)
MAX_PAGES: Final = 30
MAX_VALUES: Final = 40  # values of a property, the most frequent ones
MAX_WORDS: Final = 25  # words of job titles
MAX_KEY_LENGTH: Final = 50
MAIL_LISTS: Final = ("free_mail", "disposable", "academic")

#: Filled by sales, by HubSpot after a sale, or by the worker: they follow the outcome. Or personal data that must not decide.
_EXCLUDED: Final = re.compile(
    r"(company\.)?(lifecyclestage|hs_lifecyclestage_.*|hs_v2_.*|hs_lead_status|hubspot_owner.*|hubspot_team.*|.*deal.*|.*revenue_.*|total_revenue"
    r"|closedate|notes_.*|num_notes|num_contacted_notes|hs_sales_.*|hs_last_sales_.*|hs_predictive.*|hubspotscore|hs_object_.*|hs_is_unworked"
    r"|hs_sequences_.*|hs_analytics_revenue|lead_.*|associatedcompanyid|hs_calculated.*|hs_merged.*|hs_all_.*|hs_createdate|createdate"
    r"|.*lastmodifieddate|hs_(email|analytics)_(last|num|first|average|click|open|bounce|delivered|replied|sends)[a-z_]*"
    r"|num_(unique_)?conversion_events|recent_.*|.*_last_.*|hs_latest_.*|hs_marketable_.*"
    r"|email|hs_additional_emails|firstname|lastname|phone|mobilephone|fax|address|zip|twitterhandle|hs_linkedin_url|salutation|domain|name|website"
    r"|gender|date_of_birth|marital_status|military_status|relationship_status)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A possible criterion without points. `body` is its part of the model file; `source` is the property, or the form or kind of event.

    `is_engagement`: an action of the contact, which never lowers a score.
    """

    key: str
    label: str
    source: str
    body: Mapping[str, Any]
    is_engagement: bool

    @property
    def is_fit(self) -> bool:
        """Whether the criterion can be part of a grade: it describes the contact or the company."""
        return not self.is_engagement


def is_candidate_property(name: str) -> bool:
    """Return whether a property may become part of a suggestion."""
    return not _EXCLUDED.fullmatch(name)


def list_event_candidates(facts: Facts, custom_kinds: Iterable[str]) -> Iterator[Candidate]:
    """Yield candidates for the kinds of event, for recent events, and for the pages and forms that many contacts used."""
    present = set(facts.events["kind"].unique()) | (facts.hidden_kinds & COUNTER_PROPERTIES.keys())
    kinds = [kind for kind in (*EVENT_KINDS, *sorted(custom_kinds)) if kind in present or kind not in COUNTER_PROPERTIES]
    for kind in kinds:
        words = kind.removeprefix("custom:").replace("_", " ")
        yield _event(f"{words}s", f"{words}: number", kind, {})
        for days in RECENT_DAYS:
            yield _event(f"{words}s {days} days", f"{words} in the last {days} days", kind, {"within": f"{days} days"})
    yield from _list_pages(facts)
    for form in _frequent(facts.events.filter(pl.col("kind") == "form_submission"), "form_name", MAX_VALUES):
        where = {"where": {"form": {"is": form}}}
        yield _event(f"form {form}", f"submitted the form {form}", "form_submission", where, source=f"form: {form}")


def _event(key: str, label: str, kind: str, conditions: Mapping[str, Any], source: str | None = None) -> Candidate:
    return Candidate(
        key=make_key(key), label=label, source=source or f"event: {kind}", body={"event": kind, **conditions}, is_engagement=True
    )


def _list_pages(facts: Facts) -> Iterator[Candidate]:
    views = facts.events.filter(pl.col("kind") == "page_view").select("contact_id", "url").drop_nulls()
    paths = views.with_columns(
        path=views["url"].replace_strict({url: _path_of(url) for url in views["url"].unique()}, return_dtype=pl.String)
    )
    for path in _frequent(paths.filter(pl.col("path").str.len_chars() > 1), "path", MAX_PAGES):
        where = {"where": {"url": {"starts_with": path}}}
        yield _event(f"page {path}", f"viewed the page {path}", "page_view", where, source=f"page: {path}")


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/") or "/"
    except ValueError:
        return "/"


def _frequent(events: pl.DataFrame, column: str, limit: int) -> list[str]:
    """Return the values that most contacts have, in alphabetical order."""
    counts = events.filter(pl.col(column).is_not_null()).group_by(column).agg(pl.col("contact_id").n_unique().alias("contacts"))
    return sorted(counts.sort(["contacts", column], descending=[True, False]).head(limit)[column].to_list())


def list_property_candidates(contacts: pl.DataFrame, specs: Mapping[str, PropertySpec]) -> Iterator[Candidate]:
    """Yield candidates for the properties of `specs`: presence, values, limits of numbers, levels and words of job titles."""
    for name, spec in sorted(specs.items()):
        if name not in contacts.columns:
            continue
        values = contacts[name].drop_nulls()
        values = values.filter(values != "")
        if values.is_empty():
            continue
        yield _fit(name, "is known", name, {name: {"is_known": True}})
        if spec.type == "boolean":
            yield _fit(name, "yes", name, {name: True})
        elif spec.type == "number":
            yield from _list_limits(name, values)
        elif spec.type in ("text", "enumeration"):
            yield from _list_values(name, values)
            if name == "jobtitle":
                yield from _list_titles(name, values)
        elif spec.type == "subscriptions":
            yield from (_fit(name, option, name, {name: option}) for option in _subscription_names(values))
    yield from (_fit("email", words, "email", {"email": {"domain_in": words}}) for words in MAIL_LISTS)


def _fit(name: str, words: str, source: str, when: Mapping[str, Any]) -> Candidate:
    spoken = name.replace("company.", "company ").replace("hs_analytics_", "").replace("_", " ")
    return Candidate(key=make_key(f"{name} {words}"), label=f"{spoken}: {words}", source=source, body={"when": when}, is_engagement=False)


def _list_limits(name: str, values: pl.Series) -> Iterator[Candidate]:
    numbers = values.cast(pl.Float64, strict=False).drop_nulls()
    limits = sorted({_round(float(found)) for share in (0.1, 0.25, 0.5, 0.75, 0.9) if (found := numbers.quantile(share)) is not None})
    for limit in limits:
        yield _fit(name, f"at least {limit:g}", name, {name: {"at_least": limit}})


def _round(number: float) -> int | float:
    """Round to two significant digits."""
    rounded = float(f"{number:.2g}")
    return int(rounded) if rounded.is_integer() else rounded


def _list_values(name: str, values: pl.Series) -> Iterator[Candidate]:
    return (_fit(name, text, name, {name: {"is": text}}) for text in frequent_values(values))


def frequent_values(values: pl.Series) -> list[str]:
    """Return the most frequent texts, each once in its most frequent spelling, in alphabetical order."""
    counts = values.value_counts(name="contacts").sort(["contacts", values.name], descending=[True, False])
    spellings: dict[str, str] = {}
    totals: dict[str, int] = {}
    for text, contacts in counts.iter_rows():
        if normal := normalize_text(text):
            spellings.setdefault(normal, text.strip())
            totals[normal] = totals.get(normal, 0) + contacts
    first = sorted(totals, key=lambda normal: (-totals[normal], normal))[:MAX_VALUES]
    return sorted(spellings[normal] for normal in first if totals[normal] >= MIN_SUPPORT)


def _list_titles(name: str, values: pl.Series) -> Iterator[Candidate]:
    for level in SENIORITY_LEVELS:
        yield _fit(name, f"{level} or above", name, {name: {"seniority_at_least": str(level)}})
    words = values.str.to_lowercase().str.extract_all(r"[\p{L}]{3,}").list.unique().explode().drop_nulls()
    counts = words.value_counts(name="contacts").sort(["contacts", words.name], descending=[True, False])
    frequent = counts.filter(pl.col("contacts") >= MIN_SUPPORT).head(MAX_WORDS)[words.name].to_list()
    yield from (_fit(name, f"contains {word}", name, {name: {"contains_any": word}}) for word in sorted(frequent))


def _subscription_names(values: pl.Series) -> list[str]:
    names = values.str.split(";").explode()
    return sorted(names.filter(names != "").unique().to_list())


def list_value_groups(values: Sequence[tuple[Candidate, float]]) -> Iterator[tuple[Candidate, list[str]]]:
    """Yield groups of values of one property, from those with the highest rate of outcomes down, and from the lowest up.

    `values` are the candidates for single values with their rates; each group comes with the keys of its values.
    """
    ordered = sorted(values, key=lambda pair: (-pair[1], pair[0].key))
    for direction, ranked in (("high", ordered), ("low", ordered[::-1])):
        for size in range(2, min(len(ranked) - 1, 12) + 1):
            members = [candidate for candidate, _ in ranked[:size]]
            name = members[0].source
            texts = sorted(_value_of(member) for member in members)
            words = ", ".join(texts) if size <= 3 else f"{', '.join(texts[:2])} and {size - 2} more"
            group = replace(_fit(name, words, name, {name: {"in": texts}}), key=make_key(f"{name} {direction} {size}"))
            yield group, [member.key for member in members]


def _value_of(candidate: Candidate) -> str:
    return str(candidate.body["when"][candidate.source]["is"])


def is_single_value(candidate: Candidate) -> bool:
    """Return whether a candidate tests a property for one value."""
    test = candidate.body.get("when", {}).get(candidate.source)
    return isinstance(test, dict) and set(test) == {"is"}


def make_key(text: str) -> str:
    """Return a text as the key of a criterion."""
    words = re.sub(r"[^a-z0-9]+", "_", normalize_text(text)).strip("_")
    key = words if words[:1].isalpha() else f"value_{words}"
    return key[:MAX_KEY_LENGTH].rstrip("_")


def with_unique_keys(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates, each with a key of its own; equal bodies are kept once."""
    used: dict[str, int] = {}
    bodies = set()
    unique = []
    for candidate in candidates:
        if (body := repr(candidate.body)) in bodies:
            continue
        bodies.add(body)
        number = used[candidate.key] = used.get(candidate.key, 0) + 1
        key = candidate.key if number == 1 else f"{candidate.key}_{number}"
        unique.append(replace(candidate, key=key))
    return unique
