"""A model file is data: nothing in it is executed, and nothing in it or in a contact can stall the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_worker.errors import ModelError
from sync_worker.model.compiled.loader import loads
from tests.model.factories import a_model, an_event, facts, judged

LONG = 65_536  # characters, HubSpot's longest text
SHORT = LONG // 16
LINEAR, QUADRATIC = 16, 256  # how much longer the long text takes than the short one
FIRST_LINES = "name: test\nqualification: {threshold: 3}\n"


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
        loads(where.format(first=FIRST_LINES, value=value.format(place=place)), "model.yaml")
    assert not place.exists()


def test_a_few_lines_cannot_unfold_into_gigabytes() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(ModelError, match=r"aliases \(\*l0\) are not allowed"):
        loads("\n".join(["l0: &l0 [x]", *levels]), "model.yaml")
    with pytest.raises(ModelError, match="deeper than 40"):
        loads("a: " + "[" * 100_000, "model.yaml")


def cost(do: Callable[[], object]) -> float:
    """Return the processor seconds of the quicker of two runs."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        do()
        taken.append(time.process_time() - began)
    return min(taken)


EVIL = ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]
HARD = {
    **{f"regex {pattern}": {"regex": pattern} for pattern in EVIL},
    "matches": {"matches": "*a*a*a*a*a*a*a*b"},
    "contains": {"contains_any": ["a* a* a*b", "*a*b"]},
    "ends": {"ends_with": "ab"},
    "country": {"country_in": "DE"},
    "seniority": {"seniority_at_least": "director"},
}


@pytest.mark.parametrize("name", HARD)
def test_no_text_of_a_contact_stalls_a_rule(name: str) -> None:
    model = a_model(rule={"when": {"jobtitle": HARD[name]}, "points": 1})

    def judge(length: int) -> None:
        for text in ("a" * length, "a " * (length // 2), "head of " * (length // 8)):
            judged(model, facts([{"jobtitle": text + "!"}]))

    judge(SHORT)  # what is made once is not counted
    assert cost(lambda: judge(LONG)) < (LINEAR + QUADRATIC) / 2 * cost(lambda: judge(SHORT))


@pytest.mark.parametrize("pattern", ["*/careers/*", "/a*a*a*a*a*b", "*a*/*a*/*a*b"])
def test_no_url_of_an_event_stalls_a_rule(pattern: str) -> None:
    model = a_model(views={"event": "page_view", "where": {"url": {"matches": pattern}}, "points": 1})

    def judge(length: int) -> None:
        for url in ("https://x.com/" + "a" * length, "https://x.com" + "/a" * (length // 2), "a" * length):
            judged(model, facts(happened=[an_event("page_view", url=url)]))

    judge(SHORT)
    assert cost(lambda: judge(LONG)) < (LINEAR + QUADRATIC) / 2 * cost(lambda: judge(SHORT))


def test_a_regular_expression_that_would_need_gigabytes_is_refused() -> None:
    with pytest.raises(ModelError, match="regex"):
        a_model(rule={"when": {"jobtitle": {"regex": "((a{1000}){1000}){1000}"}}, "points": 1})
