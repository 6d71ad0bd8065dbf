"""Schema of our HubSpot properties and lists, which `setup.py` creates, and the property values of a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final

import orjson
import polars as pl

from sync_worker.hubspot.records.models import PropertyDefinition, PropertyOption
from sync_worker.model.compiled.inputs import ModelInputs, combine_inputs
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GRADE_LETTERS, Language
from sync_worker.model.i18n.labels import Labels, PropertyLabel
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.model.i18n.translations import LANGUAGES, load_translation
from sync_worker.model.reasons.blockers import describe_deferral
from sync_worker.timestamps import to_ms

DEFAULT_PREFIX: Final = "lead"
_TEXTS: Final = ("_mql_blockers", "_mql_reasons", "_score_reasons", "_grade_reasons", "_score_model")
EMPTY: Final = "{}"  # of contacts without any of our values; short, because it is stored per contact


@dataclass(frozen=True, kw_only=True)
class CrmSchema:
    """Our properties and lists for one model and one prefix. Values that every contact needs are cached.

    The shadow model has no properties and no lists; only its inputs are read.
    `feedback`: sales reps are asked about leads, in two more properties that the worker reads and never writes.
    """

    model: Model
    prefix: str = DEFAULT_PREFIX
    shadow: Model | None = None
    feedback: bool = False

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """Return the model, and the shadow model if there is one."""
        return (self.model,) if self.shadow is None else (self.model, self.shadow)

    @cached_property
    def inputs(self) -> ModelInputs:
        """Return what is read from the portal: what the model or the shadow model needs."""
        return combine_inputs(self.models)

    @cached_property
    def group_name(self) -> str:
        """Return the name of the property group."""
        return f"{self.prefix}_scoring"

    @cached_property
    def property_names(self) -> tuple[str, ...]:
        """Return the names of the properties that the worker writes, sorted. Every read of a contact requests them."""
        return tuple(sorted(definition.name for definition in self.properties))

    @cached_property
    def feedback_properties(self) -> tuple[PropertyDefinition, ...]:
        """Return the properties that sales reps fill in: the value, then the note; none if they are not asked."""
        value, note = self._enumeration_property("feedback", self.labels.feedback), self._text_property("feedback_note")
        return (value, note) if self.feedback else ()

    @cached_property
    def feedback_names(self) -> tuple[str, ...]:
        """Return the names of `feedback_properties`."""
        return tuple(definition.name for definition in self.feedback_properties)

    @cached_property
    def portal_properties(self) -> tuple[PropertyDefinition, ...]:
        """Return all properties that `setup` creates, in display order."""
        return (*self.properties, *self.feedback_properties)

    @cached_property
    def portal_names(self) -> tuple[str, ...]:
        """Return the names of `portal_properties`, sorted."""
        return tuple(sorted((*self.property_names, *self.feedback_names)))

    @cached_property
    def labels(self) -> Labels:
        """Return the labels in the language of the model."""
        return load_translation(self.model.document.language).labels

    @cached_property
    def properties(self) -> tuple[PropertyDefinition, ...]:
        """Return the properties that the worker writes, in display order; a model without a grade has none for it."""
        properties = (
            self._number_property("score"),
            self._enumeration_property("score_band", {band: _band_label(band, self.model.document.language) for band in self.band_names}),
            self._enumeration_property("grade", _grade_options()),
            self._enumeration_property("score_trend", self.labels.trends),
            self._enumeration_property("mql_reason", self._mql_reason_options()),
            self._text_property("mql_blockers"),
            self._build_property("mql_since", ("datetime", "date")),
            self._text_property("mql_reasons"),
            self._text_property("score_reasons"),
            self._text_property("grade_reasons"),
            self._text_property("score_model", field_type="text"),
        )
        grade = () if self.model.grade_criteria else (f"{self.prefix}_grade", f"{self.prefix}_grade_reasons")
        return tuple(definition for definition in properties if definition.name not in grade)

    @cached_property
    def version(self) -> str:
        """Return a hash of model and property names. A verdict of another version is out of date."""
        return hashlib.sha256(" ".join((self.model.hash, *self.property_names)).encode()).hexdigest()[:12]

    @cached_property
    def band_names(self) -> tuple[str, ...]:
        """Return the names of the model's bands, lowest first."""
        return tuple(band.name for band in self.model.bands)

    @cached_property
    def list_names(self) -> Mapping[str, str]:
        """Return the names of our lists by key."""
        return self._list_names(self.labels)

    def legacy_names(self, key: str) -> tuple[str, ...]:
        """Return the names of one of our lists in the other languages."""
        names = dict.fromkeys(self._list_names(load_translation(language).labels)[key] for language in LANGUAGES)
        return tuple(name for name in names if name != self.list_names[key])

    def desired_json(self, table: pl.DataFrame, starts: Mapping[int, tuple[str, str]] | None = None) -> list[str]:
        """Return the desired values of our properties for each verdict, as canonical JSON.

        `starts`: contact id → (milliseconds since 1970 as text, reasons) of the moment at which an MQL became one.
        """
        score = table["score"].cast(pl.String)
        since, reasons = _start_columns(table, starts or {})
        columns = {
            "score": score,
            "score_band": table["band"],
            "grade": table["grade"],
            "score_trend": table["trend"],
            "mql_reason": table["mql_reason"],
            "mql_blockers": table["mql_blockers"],
            "mql_since": since,
            "mql_reasons": reasons,
            "score_reasons": self._summarize_score(score) + "\n" + table["score_reasons"],
            "grade_reasons": table["grade_reasons"],
            "score_model": pl.repeat(self.model_label, table.height, eager=True),
        }
        # Same result as `canonical_json`, for all rows at once.
        names = {name: f"{self.prefix}_{name}" for name in sorted(columns)}
        ours = [columns[name].fill_null("").alias(full) for name, full in names.items() if full in self.property_names]
        return pl.DataFrame(ours).to_struct().struct.json_encode().to_list()

    def defer_mql(self, desired: str) -> str:
        """Return the desired values of an MQL that is not admitted yet."""
        values = {"mql_reason": "", "mql_blockers": describe_deferral(self.model), "mql_since": "", "mql_reasons": ""}
        return self._replace_values(desired, values)

    def start_mql(self, desired: str, since: str, reasons: str) -> str:
        """Return the desired values with the start of an MQL (milliseconds since 1970 as text), or without it if both are empty."""
        return self._replace_values(desired, {"mql_since": since, "mql_reasons": reasons})

    def describe_mql(self, desired: str) -> str:
        """Return why a contact is an MQL: the rule, the reasons of its score, and its grade."""
        values: Mapping[str, str] = orjson.loads(desired)
        rule = self._mql_reason_options().get(values.get(f"{self.prefix}_mql_reason", ""), "")
        grade = values.get(f"{self.prefix}_grade_reasons", "").partition("\n")[0]
        return "\n".join(filter(None, (rule, values.get(f"{self.prefix}_score_reasons", ""), grade)))

    def observed_start(self, observed: str) -> tuple[str, str]:
        """Return the start of an MQL that HubSpot shows (milliseconds since 1970 as text, reasons); empty texts if it shows none."""
        values = _parse_json(observed)
        return values.get(f"{self.prefix}_mql_since", ""), values.get(f"{self.prefix}_mql_reasons", "")

    def observed_json(self, properties: Mapping[str, str | None]) -> str:
        """Return the observed values of our properties as canonical JSON, comparable with `desired_json`. `EMPTY` if all are empty."""
        if not any(map(properties.get, self.property_names)):
            return EMPTY
        values = {name: properties.get(name) or "" for name in self.property_names}
        score = f"{self.prefix}_score"
        values[score] = values[score].removesuffix(".0")  # HubSpot may return 20.0 for 20
        since = f"{self.prefix}_mql_since"
        values[since] = _parse_milliseconds(values[since])
        return canonical_json(values)

    @cached_property
    def model_label(self) -> str:
        """Return the value of the `score_model` property."""
        return f"{self.model.document.name} · {self.model.hash}"

    def _replace_values(self, desired: str, values: Mapping[str, str]) -> str:
        return canonical_json({**orjson.loads(desired), **{f"{self.prefix}_{name}": value for name, value in values.items()}})

    def _summarize_score(self, score: pl.Series) -> pl.Series:
        before, _, rest = load_translation(self.model.document.language).phrases.score_summary.partition("{score}")
        return before + score.str.replace("-", "−", literal=True) + rest.format(maximum=f"{self.model.maximum:g}")

    def _list_names(self, labels: Labels) -> Mapping[str, str]:
        own = {"mql": "MQL", "direct": labels.lists.direct, "by_score": labels.lists.by_score}
        return {**own, **{f"band:{band}": labels.lists.band.format(band=format_band(band)) for band in self.band_names}}

    def _mql_reason_options(self) -> Mapping[str, str]:
        labels, language = self.labels.mql_reasons, self.model.document.language
        direct = {
            name: labels.direct.format(label=display_label(name, rule.label, language))
            for name, rule in self.model.direct_qualifiers.items()
        }
        return {**direct, "by_score": labels.by_score}

    def _number_property(self, name: str) -> PropertyDefinition:
        return self._build_property(name, ("number", "number"))

    def _text_property(self, name: str, *, field_type: str = "textarea") -> PropertyDefinition:
        return self._build_property(name, ("string", field_type))

    def _enumeration_property(self, name: str, options: Mapping[str, str]) -> PropertyDefinition:
        return self._build_property(name, ("enumeration", "select"), _build_options(options.items()))

    def _build_property(self, name: str, kind: tuple[str, str], options: tuple[PropertyOption, ...] = ()) -> PropertyDefinition:
        texts: PropertyLabel = getattr(self.labels.properties, name)
        # HubSpot requires unique labels, so the label contains the prefix.
        prefix_label = self.labels.default_prefix if self.prefix == DEFAULT_PREFIX else self.prefix.replace("_", " ").capitalize()
        return PropertyDefinition(
            name=f"{self.prefix}_{name}",
            label=texts.label.format(prefix=prefix_label),
            description=texts.description.format(maximum=f"{self.model.maximum:g}"),
            type=kind[0],
            field_type=kind[1],
            group=self.group_name,
            options=options,
        )


def _start_columns(table: pl.DataFrame, starts: Mapping[int, tuple[str, str]]) -> Iterator[pl.Series]:
    """Yield the texts of the start of each MQL; empty for the others."""
    ids = table["contact_id"].to_list() if starts else []
    mqls = table["mql"].to_list() if starts else []
    for part in (0, 1):
        texts = [starts[id_][part] if mql and id_ in starts else "" for id_, mql in zip(ids, mqls, strict=True)]
        yield pl.Series(texts, dtype=pl.String) if starts else pl.repeat("", table.height, eager=True)


def _parse_milliseconds(text: str) -> str:
    """Return a time as milliseconds since 1970, as the worker writes it; HubSpot returns the ISO format."""
    try:
        return str(to_ms(datetime.fromisoformat(text))) if text and not text.isdecimal() else text
    except ValueError:
        return text


def is_text(name: str) -> bool:
    """Return whether one of our properties, of any prefix, has free text: HubSpot may show there what a user has written."""
    return name.endswith(_TEXTS)


def canonical_json(values: Mapping[str, str]) -> str:
    """Return JSON with sorted keys: equal mappings have equal texts."""
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def diff_properties(observed: str, desired: str) -> dict[str, tuple[str, str]]:
    """Return the properties that differ, each with (observed, desired)."""
    before, after = _parse_json(observed), orjson.loads(desired)
    return {name: (old, value) for name, value in after.items() if (old := before.get(name, "")) != value}


@lru_cache(maxsize=16)
def _parse_json(observed: str) -> Mapping[str, str]:
    # Cached, because most contacts are `EMPTY` before the first write.
    values: Mapping[str, str] = orjson.loads(observed)
    return values


def _band_label(band: str, language: Language) -> str:
    text = display_label(format_band(band), None, language)
    return f"{text[:1].upper()}{text[1:]}"


def format_band(band: str) -> str:
    """Return the name of a band as words: `sales_ready` becomes "sales ready"."""
    return band.replace("_", " ")


def _grade_options() -> Mapping[str, str]:
    return {letter: format_minus(letter) for letter in reversed(GRADE_LETTERS)}


def _build_options(pairs: Iterable[tuple[str, str]]) -> tuple[PropertyOption, ...]:
    found: Sequence[tuple[str, str]] = list(pairs)
    return tuple(PropertyOption(value=value, label=label, order=place) for place, (value, label) in enumerate(found))
