"""The files of the deployment are valid for the programs that read them, and hardened."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from sync_worker.settings import Settings
from tests.deploy.alert_scenarios import load_queries

DEPLOY = Path(__file__).parents[2] / "deploy"
ANALYZE, DOCKER, PROMTOOL = (shutil.which(name) for name in ("systemd-analyze", "docker", "promtool"))
PORT = Settings.model_fields["http_port"].default


def load(path: str) -> Any:
    return YAML(typ="safe").load((DEPLOY / path).read_text(encoding="utf-8"))


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(path.name for path in DEPLOY.glob("kubernetes/*.yaml") if path.name != "kustomization.yaml"))
def test_each_manifest_fits_the_schema_of_kubernetes(path: str) -> None:
    kubernetes_validate.validate(load(f"kubernetes/{path}"), "1.33", strict=True)


def test_the_kustomization_names_every_manifest_but_the_secret() -> None:
    manifests = {path.name for path in DEPLOY.glob("kubernetes/*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(load("kubernetes/kustomization.yaml")["resources"]) == manifests


def test_probes_and_scrapes_use_the_port_of_the_service() -> None:
    (container,) = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    assert (container["livenessProbe"]["httpGet"]["path"], container["readinessProbe"]["httpGet"]["path"]) == ("/healthz", "/readyz")
    assert load("kubernetes/network_policy.yaml")["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": PORT}]
    assert load("prometheus/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"] == [f"worker:{PORT}"]
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert f"http://127.0.0.1:{PORT}/readyz" in dockerfile
    assert f"EXPOSE {PORT}" in dockerfile


@pytest.mark.parametrize("name", ["worker", "database", "prometheus", "grafana"])
def test_each_container_has_limits_and_no_new_privileges(name: str) -> None:
    service = load("compose.yaml")["services"][name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.skipif(DOCKER is None, reason="docker is missing")
def test_docker_accepts_the_composition(tmp_path: Path) -> None:
    # A copy, because `deploy/.env` is not under version control.
    copy = shutil.copy(DEPLOY / "compose.yaml", tmp_path)
    (tmp_path / ".env").touch()
    if subprocess.run([DOCKER or "", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose")
    run(DOCKER or "", "compose", "--file", str(copy), "--profile", "postgres", "--profile", "monitoring", "config", "--quiet")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is missing")
@pytest.mark.parametrize("unit", ["sync-worker.service", "sync-worker@.service"])
def test_systemd_accepts_the_unit_and_finds_little_exposure(tmp_path: Path, unit: str) -> None:
    text = (DEPLOY / "systemd" / unit).read_text(encoding="utf-8")
    copy = tmp_path / unit.replace("@.", "@sync.")
    copy.write_text(text.replace("/opt/sync-worker/bin/sync-worker", "/bin/true").replace("WorkingDirectory=/etc/sync-worker", ""))
    assert str(copy) not in run(ANALYZE or "", "verify", str(copy))  # no finding
    run(ANALYZE or "", "security", "--offline=true", "--threshold=15", str(copy))  # of 100
    assert re.search(r"^LimitCORE=0$", text, re.MULTILINE)


def test_each_file_that_the_composition_mounts_exists_and_each_volume_is_declared() -> None:
    composition = load("compose.yaml")
    sources = {mount.partition(":")[0] for service in composition["services"].values() for mount in service["volumes"]}
    files = {source for source in sources if source.startswith(".")}
    assert [file for file in files if not (DEPLOY / file).exists()] == []
    assert sources - files == set(composition["volumes"])
    assert (
        DEPLOY / composition["services"]["worker"]["build"]["context"] / composition["services"]["worker"]["build"]["dockerfile"]
    ).exists()


def test_the_composition_provisions_each_dashboard() -> None:
    (provider,) = load("grafana/provisioning/dashboards/sync-worker.yaml")["providers"]
    mounts = dict(mount.split(":")[:2] for mount in load("compose.yaml")["services"]["grafana"]["volumes"] if mount.count(":") == 2)
    for dashboard in DEPLOY.glob("grafana/*.json"):
        assert mounts[f"./grafana/{dashboard.name}"] == f"{provider['options']['path']}/{dashboard.name}"


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing; Debian's package prometheus has it")
@pytest.mark.parametrize("dashboard", sorted(path.name for path in DEPLOY.glob("grafana/*.json")))
def test_prometheus_can_parse_each_query_of_a_dashboard(tmp_path: Path, dashboard: str) -> None:
    rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(load_queries(dashboard))]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))  # JSON is YAML
    run(PROMTOOL or "", "check", "rules", str(tmp_path / "rules.yaml"))


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing; Debian's package prometheus has it")
def test_prometheus_accepts_its_configuration() -> None:
    run(PROMTOOL or "", "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))
