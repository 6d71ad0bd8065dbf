from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.hubspot.records.models import PropertyDefinition, PropertyOption
from sync_worker.model.compiled.loader import load
from sync_worker.sync.portal.model_check import check_model, find_model_errors
from sync_worker.sync.portal.portal_catalog import PortalCatalog, find_unread_events

MODEL = """\
version: 1
name: trial
properties:
  plan: {type: enumeration, options: [trial, team]}
score:
  criteria:
    plan:
      when: {plan: {in: [trial, team]}}
      points: 5
    demo:
      event: custom:demo_booked
      points: 5
    asked:
      event: form_submission
      where: {form: {is: Contact us}}
      points: 5
  bands: [{name: cold, from: 0}]
qualification:
  threshold: 10
"""


def make_property(name: str, *options: str) -> PropertyDefinition:
    definitions = tuple(PropertyOption(value=value, label=value) for value in options)
    return PropertyDefinition(
        name=name, label=name, type="enumeration" if options else "string", field_type="text", group="g", options=definitions
    )


def make_catalog(**changes: object) -> PortalCatalog:
    complete: dict[str, object] = {
        "properties": {"plan": make_property("plan", "trial", "team")},
        "forms": {"f-1": "Contact us"},
        "custom_event_kinds": frozenset({"custom:demo_booked"}),
    }
    return PortalCatalog(**{**complete, **changes})  # type: ignore[arg-type]


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.yaml"
    path.write_text(MODEL, encoding="utf-8")
    return path


def test_a_model_fits_a_complete_portal(model_file: Path) -> None:
    assert find_model_errors(load(model_file), make_catalog()) == []


@pytest.mark.parametrize(
    ("changes", "line", "key", "text"),
    [
        (
            {"properties": {"plans": make_property("plans")}},
            8,
            "score.criteria.plan.when.plan",
            "no property 'plan'; did you mean \"plans\"?",
        ),
        (
            {"properties": {"plan": make_property("plan", "trial", "teams")}},
            8,
            "plan.in",
            "no option 'team' in the portal; did you mean \"teams\"?",
        ),
        ({"forms": {"f-1": "Contact-us"}}, 15, "asked.where.form.is", "no form 'Contact us'; did you mean \"Contact-us\"?"),
        ({"custom_event_kinds": frozenset({"custom:demo_book"})}, 11, "score.criteria.demo.event", "no event 'custom:demo_booked'"),
    ],
)
def test_a_missing_object_is_reported_with_its_location(
    model_file: Path, changes: dict[str, object], line: int, key: str, text: str
) -> None:
    (message,) = find_model_errors(load(model_file), make_catalog(**changes))
    assert message.startswith(f"{model_file}:{line}:")
    assert key in message
    assert text in message


ALL_CRITERIA = frozenset({"form_submission", "custom:demo_booked"})


def test_with_a_complete_portal_every_criterion_is_reachable(model_file: Path) -> None:
    result = check_model(load(model_file), frozenset(), make_catalog())
    assert (result.unreachable_criteria, result.not_visible, result.reachable_score, result.warnings) == ((), (), 15, ())


@pytest.mark.parametrize(
    ("changes", "unreachable"),
    [
        ({"forms": {}}, "asked"),
        ({"forms": {"f-1": "Contact-us"}}, "asked"),
        ({"custom_event_kinds": frozenset({"custom:demo_book"})}, "demo"),
        ({"properties": {}}, "plan"),
        ({"properties": {"plan": make_property("plan", "free")}}, "plan"),
    ],
)
def test_points_for_missing_objects_are_unreachable(model_file: Path, changes: dict[str, object], unreachable: str) -> None:
    found = check_model(load(model_file), frozenset(), make_catalog(**changes))
    assert (found.unreachable_criteria, found.reachable_score) == ((unreachable,), 10)


def test_an_unreachable_threshold_causes_a_named_warning(model_file: Path) -> None:
    model_file.write_text(MODEL.replace("{name: cold, from: 0}", "{name: cold, from: 0}, {name: hot, from: 6}"), encoding="utf-8")
    found = check_model(load(model_file), frozenset({"custom:demo_booked"}), make_catalog(forms={"f-2": "Newsletter"}))
    here = "is above the 5 points that can be reached on this portal, without demo, asked"
    assert found.warnings == (
        f"{model_file}:17:46: score.bands[1].from: 6 {here}: no contact can reach hot",
        f"{model_file}:19:3: qualification.threshold: 10 {here}: no contact can be an MQL by score",
    )


def test_warnings_of_the_model_are_not_repeated(model_file: Path) -> None:
    model_file.write_text(MODEL.replace("threshold: 10", "threshold: 99"), encoding="utf-8")
    model = load(model_file)
    assert len(model.warnings) == 1
    assert check_model(model, frozenset({"custom:demo_booked"}), make_catalog()).warnings == ()


def test_an_unreadable_portal_is_checked_by_its_hidden_event_kinds(model_file: Path) -> None:
    result = check_model(load(model_file), ALL_CRITERIA, None)
    assert (result.not_visible, result.unreachable_criteria, result.reachable_score, result.errors) == (("demo", "asked"), (), 5, ())


@pytest.mark.parametrize(
    ("condition", "reachable"),
    [
        ("{matches: '*contact*'}", True),
        ("{matches: '*demo*'}", False),
        ("{starts_with: cont}", True),
        ("{regex: '^demo'}", False),
        ("{is_not: Contact us}", False),
        ("{not_in: [Newsletter]}", True),
        ("{is_known: true}", True),
        ("{in: [f-1, f-2]}", True),
    ],
)
def test_a_form_is_matched_as_in_the_score(model_file: Path, condition: str, reachable: bool) -> None:  # noqa: FBT001 -- the answer
    model_file.write_text(MODEL.replace("{is: Contact us}", condition), encoding="utf-8")
    assert ("asked" not in check_model(load(model_file), frozenset(), make_catalog()).unreachable_criteria) is reachable


@pytest.mark.parametrize(
    ("where", "reachable"),
    [
        ("{any: [{form: {is: Demo}}, {url: {is_known: true}}]}", True),
        ("{all: [{form: {is: Demo}}, {url: {is_known: true}}]}", False),
        ("{not: {form: {is: Demo}}}", True),
        ("{first_known: [{form: {is: Demo}}, {form: {is: f-1}}]}", True),
    ],
)
def test_a_joined_condition_is_out_of_reach_where_its_parts_leave_no_way(model_file: Path, where: str, reachable: bool) -> None:  # noqa: FBT001
    model_file.write_text(MODEL.replace("{form: {is: Contact us}}", where), encoding="utf-8")
    assert ("asked" not in check_model(load(model_file), frozenset(), make_catalog()).unreachable_criteria) is reachable


def test_a_missing_subscription_type_is_reported_and_unreachable(model_file: Path) -> None:
    model_file.write_text(MODEL.replace("plan: {in: [trial, team]}", "subscribed_to: [Newsletter, Events]"), encoding="utf-8")
    catalog = make_catalog(subscription_types=frozenset({"Newsletters"}))
    found = check_model(load(model_file), frozenset(), catalog)
    place = f"{model_file}:8:14: score.criteria.plan.when.subscribed_to.in"
    assert found.errors == (
        f"{place}: the portal has no subscription type 'Events'",
        f"{place}: the portal has no subscription type 'Newsletter'; did you mean \"Newsletters\"?",
    )
    assert found.unreachable_criteria == ("plan",)
    either = check_model(load(model_file), frozenset(), make_catalog(subscription_types=frozenset({"events"})))
    assert either.unreachable_criteria == ()


def test_subscriptions_that_the_portal_hides_are_not_checked(model_file: Path) -> None:
    model_file.write_text(MODEL.replace("plan: {in: [trial, team]}", "subscribed_to: Newsletter"), encoding="utf-8")
    found = check_model(load(model_file), frozenset({"subscriptions"}), make_catalog())
    assert (found.errors, found.not_visible, found.unreachable_criteria, found.reachable_score) == ((), ("plan",), (), 10)


def test_a_second_event_of_a_kind_that_is_not_read_is_a_warning(model_file: Path) -> None:
    unread = find_unread_events(["e_visited_page", "demo_booked", "pe42_demo_booked", "pe42_other", "other"])
    (warning,) = check_model(load(model_file), frozenset(), make_catalog(unread_events=unread)).warnings
    assert warning.startswith(f"{model_file}:11:")
    assert "pe42_demo_booked is not read" in warning
