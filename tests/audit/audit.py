"""`make audit`: writes an SBOM of the locked packages, and looks each of them up in the database of known vulnerabilities.

An audit that could not look up a package has not passed: without a connection, the script says so and exits with 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements.lock"
SBOM: Final = ROOT / "dist" / "sbom.cdx.json"
TOOLS: Final = Path(sys.executable).parent


def main() -> int:
    """Write the SBOM, audit the packages, print the result; return the exit code."""
    SBOM.parent.mkdir(exist_ok=True)
    describe = [TOOLS / "cyclonedx-py", "requirements", "--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--of", "JSON"]
    subprocess.run([*describe, "-o", SBOM, LOCK], check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    components = json.loads(SBOM.read_text(encoding="utf-8"))["components"]
    print(f"{SBOM.relative_to(ROOT)}: {len(components)} packages")
    audit = [TOOLS / "pip-audit", "--requirement", LOCK, "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(audit, capture_output=True, text=True, check=False)
    problems = list(find_problems(done.stdout))
    print("\n".join(problems) or "no known vulnerabilities")
    return 1 if problems else 0


def find_problems(output: str) -> Iterator[str]:
    """Yield one line for each vulnerable package, and one for those that could not be looked up. `output` is pip-audit's JSON."""
    if not output.strip():
        yield "offline: the database of vulnerabilities cannot be reached; no package was audited"
        return
    packages: list[Mapping[str, Any]] = json.loads(output)["dependencies"]
    for package in packages:
        for each in package.get("vulns", ()):
            fix = ", ".join(each["fix_versions"]) or "no fixed version yet"
            yield f"{package['name']} {package['version']}: {each['id']}, fixed in: {fix}"
    if skipped := [package["name"] for package in packages if "skip_reason" in package]:
        yield f"offline or unknown: {len(skipped)} of {len(packages)} packages could not be looked up and were not audited"


if __name__ == "__main__":
    sys.exit(main())
