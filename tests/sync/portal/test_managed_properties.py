from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.evaluate import evaluate
from sync_worker.sync.portal.managed_properties import canonical_json, diff_properties, is_text
from tests.harness import MODEL
from tests.sync.model_factories import make_crm_schema, make_model

values = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=6)


@given(values=values)
def test_equal_mappings_have_equal_texts_in_any_order(values: dict[str, str]) -> None:
    reordered = dict(reversed(values.items()))
    assert canonical_json(values) == canonical_json(reordered)
    assert json.loads(canonical_json(values)) == values


def test_the_text_properties_are_those_that_hubspot_stores_as_text() -> None:
    properties = make_crm_schema().properties
    assert {each.name for each in properties if is_text(each.name)} == {each.name for each in properties if each.type == "string"}


@given(shown=values, desired=values)
def test_the_difference_has_all_values_to_write(shown: dict[str, str], desired: dict[str, str]) -> None:
    found = diff_properties(canonical_json(shown), canonical_json(desired))
    after = {**shown, **{name: after for name, (_, after) in found.items()}}
    assert all(after.get(name, "") == value for name, value in desired.items())
    assert all(before != after for before, after in found.values())


@pytest.mark.parametrize(("observed", "score"), [("12", "12"), ("12.0", "12"), ("-3.0", "-3"), ("0", "0"), (None, ""), ("", "")])
def test_a_score_with_a_zero_fraction_is_the_same_number(observed: str | None, score: str) -> None:
    shown = json.loads(make_crm_schema().observed_json({"lead_score": observed, "lead_grade": "A", "city": "Bonn"}))
    assert (shown["lead_score"], shown["lead_grade"], shown["lead_score_band"]) == (score, "A", "")
    assert shown.keys() == set(make_crm_schema().property_names)


def test_desired_and_observed_values_have_the_same_format() -> None:
    outputs = make_crm_schema()
    verdicts = evaluate(Facts(contacts=pl.DataFrame({"contact_id": [1, 2]})), make_model(), datetime(2026, 11, 20, tzinfo=UTC))
    every_desired = list(outputs.desired_json(verdicts.table))
    assert len(every_desired) == 2
    for desired in every_desired:
        properties = json.loads(desired)
        assert outputs.observed_json(properties) == desired
        assert properties["lead_mql_reason"] == ""
        assert properties["lead_score_model"] == f"Small · {make_model().hash}"


def test_every_value_of_a_verdict_is_an_option() -> None:
    options = {each.name: {option.value for option in each.options} for each in make_crm_schema().properties if each.options}
    assert options["lead_score_band"] == {"cold", "warm", "hot"}
    assert options["lead_score_trend"] == {"rising", "steady", "falling"}
    assert options["lead_mql_reason"] == {"demo", "by_score"}
    assert {"A+", "D", "F"} <= options["lead_grade"]


def test_labels_are_words_and_unique_even_with_a_second_prefix() -> None:
    labels = [each.label for prefix in ("lead", "fit", "second_fit") for each in make_crm_schema(prefix=prefix).properties]
    assert len(set(labels)) == len(labels)
    assert {"Lead score", "Fit grade", "Second fit MQL reason"} <= set(labels)
    assert all(each.description for each in make_crm_schema().properties)


def test_names_of_properties_and_lists_never_change() -> None:
    assert make_crm_schema().property_names == (
        "lead_grade",
        "lead_grade_reasons",
        "lead_mql_blockers",
        "lead_mql_reason",
        "lead_mql_reasons",
        "lead_mql_since",
        "lead_score",
        "lead_score_band",
        "lead_score_model",
        "lead_score_reasons",
        "lead_score_trend",
    )
    assert make_crm_schema().group_name == "lead_scoring"
    assert make_crm_schema(prefix="fit").property_names[6] == "fit_score"
    assert make_crm_schema(prefix="fit").group_name == "fit_scoring"
    assert list(make_crm_schema().list_names.values()) == [
        "MQL",
        "MQL · direct",
        "MQL · by score",
        "Leads · cold",
        "Leads · warm",
        "Leads · hot",
    ]


def test_the_version_depends_on_model_and_property_names() -> None:
    versions = {
        make_crm_schema().version,
        make_crm_schema(prefix="fit").version,
        make_crm_schema(MODEL.replace("points: 10}", "points: 11}")).version,
    }
    assert len(versions) == 3
    assert make_crm_schema().version == make_crm_schema(MODEL + "\n# a comment\n").version


def test_a_model_without_a_grade_has_no_property_for_it_and_bands_are_words() -> None:
    text = """\
name: no grade
score:
  criteria: {views: {event: page_view, points: 1}}
  bands: [{name: nurture, from: 0}, {name: sales_ready, from: 1}]
qualification: {threshold: 1}
"""
    crm_schema = make_crm_schema(text)
    assert not [name for name in crm_schema.property_names if "grade" in name]
    contacts = pl.DataFrame({"contact_id": pl.Series([1], dtype=pl.Int64)})
    table = evaluate(Facts(contacts=contacts), crm_schema.model, datetime(2026, 11, 20, tzinfo=UTC)).table
    assert json.loads(crm_schema.desired_json(table)[0]).keys() == set(crm_schema.property_names)
    bands = next(each for each in crm_schema.properties if each.name == "lead_score_band")
    assert [(option.value, option.label) for option in bands.options] == [("nurture", "Nurture"), ("sales_ready", "Sales ready")]
    assert crm_schema.list_names["band:sales_ready"] == "Leads · sales ready"
