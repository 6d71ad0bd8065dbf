"""A plugin of pytest that records which test runs which line of the mutated rooms, and how long it takes.

The environment variable LINE_COVERAGE names the JSON file to write, LINE_COVERAGE_ROOMS the folders, separated by commas.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import Coverage

ROOMS = os.environ["LINE_COVERAGE_ROOMS"].split(",")
recorder = Coverage(data_file=None, source=ROOMS)
seconds: defaultdict[str, float] = defaultdict(float)
recorder.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Attribute lines to the test that runs them, its fixtures included."""
    recorder.switch_context(_function_id(item.nodeid))
    result = yield
    recorder.switch_context("")
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the duration of a test with that of its fixtures and examples."""
    seconds[_function_id(report.nodeid)] += report.duration


def pytest_sessionfinish() -> None:
    """Write the tests of each line and the seconds of each test."""
    recorder.stop()
    data = recorder.get_data()
    names = list(seconds)
    numbers = {name: number for number, name in enumerate(names)}
    lines = {
        str(Path(file).relative_to(Path.cwd())): {
            str(line): [numbers[test] for test in tests if test] for line, tests in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    text = json.dumps({"tests": names, "seconds": list(seconds.values()), "lines": lines})
    Path(os.environ["LINE_COVERAGE"]).write_text(text, encoding="utf-8")


def _function_id(node_id: str) -> str:
    return node_id.partition("[")[0]
