"""A model file is data: nothing in it is executed, and nothing in it or in a contact can stall the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_worker.errors import ModelError
from sync_worker.model.compiled.loader import loads
from tests.model.factories import evaluate_facts, make_criteria_model, make_event, make_facts

LONG_TEXT_LENGTH = 65_536  # characters, HubSpot's longest text
SHORT_TEXT_LENGTH = LONG_TEXT_LENGTH // 16
LINEAR, QUADRATIC = 16, 256  # how much longer the long text takes than the short one
MODEL_HEADER = "name: test\nqualification: {threshold: 3}\n"


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:pathlib.Path.touch [{place}]",
        "!!python/object/new:pathlib.PosixPath {{args: [{place}], state: {{}}}}",
        "!!python/name:os.system",
        "!!python/module:antigravity",
        "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {place}']",
        "!ruby/object:Gem::Installer {{i: x}}",
    ],
)
@pytest.mark.parametrize("where", ["name: {value}", "{first}score: {{criteria: {{a: {value}}}}}", "{first}? {value}\n: 1"])
def test_no_tag_of_yaml_makes_an_object_or_calls_anything(tmp_path: Path, value: str, where: str) -> None:
    place = tmp_path / "made"
    with pytest.raises(ModelError, match=r"model\.yaml:\d"):
        loads(where.format(first=MODEL_HEADER, value=value.format(place=place)), "model.yaml")
    assert not place.exists()


def test_a_few_lines_cannot_unfold_into_gigabytes() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(ModelError, match=r"aliases \(\*l0\) are not allowed"):
        loads("\n".join(["l0: &l0 [x]", *levels]), "model.yaml")
    with pytest.raises(ModelError, match="deeper than 40"):
        loads("a: " + "[" * 100_000, "model.yaml")


def measure_cpu(work: Callable[[], object]) -> float:
    """Return the processor seconds of the quicker of two runs."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


EVIL_PATTERNS = ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]
HARD_TEXTS = {
    **{f"regex {pattern}": {"regex": pattern} for pattern in EVIL_PATTERNS},
    "matches": {"matches": "*a*a*a*a*a*a*a*b"},
    "contains": {"contains_any": ["a* a* a*b", "*a*b"]},
    "ends": {"ends_with": "ab"},
    "country": {"country_in": "DE"},
    "seniority": {"seniority_at_least": "director"},
}


@pytest.mark.parametrize("name", HARD_TEXTS)
def test_no_text_of_a_contact_stalls_a_rule(name: str) -> None:
    model = make_criteria_model(rule={"when": {"jobtitle": HARD_TEXTS[name]}, "points": 1})

    def judge(length: int) -> None:
        for text in ("a" * length, "a " * (length // 2), "head of " * (length // 8)):
            evaluate_facts(model, make_facts([{"jobtitle": text + "!"}]))

    judge(SHORT_TEXT_LENGTH)  # what is made once is not counted
    assert measure_cpu(lambda: judge(LONG_TEXT_LENGTH)) < (LINEAR + QUADRATIC) / 2 * measure_cpu(lambda: judge(SHORT_TEXT_LENGTH))


@pytest.mark.parametrize("pattern", ["*/careers/*", "/a*a*a*a*a*b", "*a*/*a*/*a*b"])
def test_no_url_of_an_event_stalls_a_rule(pattern: str) -> None:
    model = make_criteria_model(views={"event": "page_view", "where": {"url": {"matches": pattern}}, "points": 1})

    def judge(length: int) -> None:
        for url in ("https://x.com/" + "a" * length, "https://x.com" + "/a" * (length // 2), "a" * length):
            evaluate_facts(model, make_facts(events=[make_event("page_view", url=url)]))

    judge(SHORT_TEXT_LENGTH)
    assert measure_cpu(lambda: judge(LONG_TEXT_LENGTH)) < (LINEAR + QUADRATIC) / 2 * measure_cpu(lambda: judge(SHORT_TEXT_LENGTH))


def test_a_regular_expression_that_would_need_gigabytes_is_refused() -> None:
    with pytest.raises(ModelError, match="regex"):
        make_criteria_model(rule={"when": {"jobtitle": {"regex": "((a{1000}){1000}){1000}"}}, "points": 1})
