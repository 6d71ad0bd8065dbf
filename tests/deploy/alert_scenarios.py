"""Series of the service's metrics as promtool reads them, and the file that checks which alerts fire."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from sync_worker.service.metrics import ServiceMetrics

RULES: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
TARGET: Final = {"job": "sync-worker", "instance": "worker:9736"}
STEP: Final = 5  # minutes between two scrapes

Series = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A day of a service, and the alerts that it must fire, no others."""

    name: str
    series: Series
    alerts: Sequence[str] = ()
    eval_hours: Sequence[int] = (2,)
    labels: Mapping[str, str] = field(default_factory=lambda: TARGET)


def load_rules(rules: Path = RULES) -> list[Any]:
    return list(YAML(typ="safe").load(rules.read_text(encoding="utf-8"))["groups"][0]["rules"])


def load_queries(dashboard: str) -> list[str]:
    """Return the queries of a dashboard of Grafana."""
    content = json.loads((RULES.parents[1] / "grafana" / dashboard).read_text(encoding="utf-8"))
    return [target["expr"] for panel in content["panels"] for target in panel.get("targets", [])]


def read_samples(metrics: ServiceMetrics) -> dict[str, float]:
    """Return the samples of one scrape that the rules use, by series, with the labels of the target."""
    rules = RULES.read_text(encoding="utf-8")
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    samples = (sample for family in families for sample in family.samples if sample.name in rules)
    return {sample.name + format_labels({**sample.labels, **TARGET}): sample.value for sample in samples}


def format_labels(labels: Mapping[str, str]) -> str:
    pairs = (f'{name}="{value}"' for name, value in sorted(labels.items()))
    return "{" + ",".join(pairs) + "}"


def hold(samples: Mapping[str, float], *, fresh: bool = True) -> Series:
    """Return series whose samples stay the same; with `fresh`, the last good cycle is always a moment ago."""
    series = {name: repeat(value) for name, value in samples.items()}
    last_done = f"sync_worker_last_done_timestamp_seconds{format_labels(TARGET)}"
    return {**series, last_done: grow(STEP * 60) if fresh else repeat(60), f"up{format_labels(TARGET)}": repeat(1)}


def repeat(value: float, hours: int = 30) -> str:
    """Return a constant series as promtool writes it."""
    return f"{value:g}x{hours * 60 // STEP}"


def grow(step: float) -> str:
    """Return a series that grows by a step with each scrape."""
    return f"0+{repeat(step)}"


def write_tests(file: Path, scenarios: Sequence[Scenario], rules: Path = RULES) -> None:
    tests = [_build_test(scenario, rules) for scenario in scenarios]
    content = {"rule_files": [str(rules)], "evaluation_interval": f"{STEP}m", "tests": tests}
    file.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML


def _build_test(scenario: Scenario, rules: Path) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "interval": f"{STEP}m",
        "input_series": [{"series": name, "values": values} for name, values in scenario.series.items()],
        "alert_rule_test": [
            {"alertname": rule["alert"], "eval_time": f"{hours}h", "exp_alerts": _expect(rule, scenario)}
            for rule in load_rules(rules)
            for hours in scenario.eval_hours
        ],
    }


def _expect(rule: Mapping[str, Any], scenario: Scenario) -> list[dict[str, Any]]:
    if rule["alert"] not in scenario.alerts:
        return []
    return [{"exp_labels": {**scenario.labels, **rule["labels"]}, "exp_annotations": rule["annotations"]}]
