"""Model files and contacts are untrusted data: they cannot execute code or stall the worker."""

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
        "!!python/object/apply:pathlib.Path.touch [{file}]",
        "!!python/object/new:pathlib.PosixPath {{args: [{file}], state: {{}}}}",
        "!!python/name:os.system",
        "!!python/module:antigravity",
        "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {file}']",
        "!ruby/object:Gem::Installer {{i: x}}",
    ],
)
@pytest.mark.parametrize("where", ["name: {value}", "{first}score: {{criteria: {{a: {value}}}}}", "{first}? {value}\n: 1"])
def test_yaml_tags_create_no_objects_and_call_nothing(tmp_path: Path, value: str, where: str) -> None:
    file = tmp_path / "created"
    with pytest.raises(ModelError, match=r"model\.yaml:\d"):
        loads(where.format(first=MODEL_HEADER, value=value.format(file=file)), "model.yaml")
    assert not file.exists()


def test_a_small_file_cannot_expand_to_gigabytes() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(ModelError, match=r"aliases \(\*l0\) are not allowed"):
        loads("\n".join(["l0: &l0 [x]", *levels]), "model.yaml")
    with pytest.raises(ModelError, match="deeper than 40"):
        loads("a: " + "[" * 100_000, "model.yaml")


def measure_cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the faster of two runs."""
    durations = []
    for _ in range(2):
        start = time.process_time()
        work()
        durations.append(time.process_time() - start)
    return min(durations)


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
def test_no_property_of_a_contact_stalls_a_condition(name: str) -> None:
    model = make_criteria_model(rule={"when": {"jobtitle": HARD_TEXTS[name]}, "points": 1})

    def evaluate(length: int) -> None:
        for text in ("a" * length, "a " * (length // 2), "head of " * (length // 8)):
            evaluate_facts(model, make_facts([{"jobtitle": text + "!"}]))

    evaluate(SHORT_TEXT_LENGTH)  # warm-up: compiled patterns are cached
    assert measure_cpu(lambda: evaluate(LONG_TEXT_LENGTH)) < (LINEAR + QUADRATIC) / 2 * measure_cpu(lambda: evaluate(SHORT_TEXT_LENGTH))


@pytest.mark.parametrize("pattern", ["*/careers/*", "/a*a*a*a*a*b", "*a*/*a*/*a*b"])
def test_no_url_of_an_event_stalls_a_condition(pattern: str) -> None:
    model = make_criteria_model(views={"event": "page_view", "where": {"url": {"matches": pattern}}, "points": 1})

    def evaluate(length: int) -> None:
        for url in ("https://x.com/" + "a" * length, "https://x.com" + "/a" * (length // 2), "a" * length):
            evaluate_facts(model, make_facts(events=[make_event("page_view", url=url)]))

    evaluate(SHORT_TEXT_LENGTH)
    assert measure_cpu(lambda: evaluate(LONG_TEXT_LENGTH)) < (LINEAR + QUADRATIC) / 2 * measure_cpu(lambda: evaluate(SHORT_TEXT_LENGTH))


def test_a_regular_expression_that_would_need_gigabytes_is_refused() -> None:
    with pytest.raises(ModelError, match="regex"):
        make_criteria_model(rule={"when": {"jobtitle": {"regex": "((a{1000}){1000}){1000}"}}, "points": 1})
