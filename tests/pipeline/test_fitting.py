from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.hubspot.records import Option, Property
from sync_worker.model.loading import load
from sync_worker.pipeline.fitting import Names, misfits

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


def definition(name: str, *options: str) -> Property:
    listed = tuple(Option(value=value, label=value) for value in options)
    return Property(name=name, label=name, type="enumeration" if options else "string", field_type="text", group="g", options=listed)


def names(**changes: object) -> Names:
    fitting: dict[str, object] = {
        "properties": {"plan": definition("plan", "trial", "team")},
        "forms": frozenset({"f-1", "Contact us"}),
        "events": frozenset({"custom:demo_booked"}),
    }
    return Names(**{**fitting, **changes})  # type: ignore[arg-type]


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.yaml"
    path.write_text(MODEL, encoding="utf-8")
    return path


def test_a_model_fits_a_portal_that_has_what_it_names(model_file: Path) -> None:
    assert misfits(load(model_file), names()) == []


@pytest.mark.parametrize(
    ("changes", "line", "key", "says"),
    [
        ({"properties": {"plans": definition("plans")}}, 8, "score.criteria.plan.when.plan", "no property 'plan'; did you mean \"plans\"?"),
        (
            {"properties": {"plan": definition("plan", "trial", "teams")}},
            8,
            "plan.in",
            "no option 'team' in the portal; did you mean \"teams\"?",
        ),
        ({"forms": frozenset({"f-1", "Contact-us"})}, 15, "asked.where.form.is", "no form 'Contact us'; did you mean \"Contact-us\"?"),
        ({"events": frozenset({"custom:demo_book"})}, 11, "score.criteria.demo.event", "no event 'custom:demo_booked'"),
    ],
)
def test_what_the_portal_lacks_is_named_with_its_place(
    model_file: Path, changes: dict[str, object], line: int, key: str, says: str
) -> None:
    (said,) = misfits(load(model_file), names(**changes))
    assert said.startswith(f"{model_file}:{line}: ")
    assert key in said
    assert says in said
