"""Check a built sdist and wheel: run as ``python check_artifacts.py DIST_DIR`` by ``make wheel-check``."""

from __future__ import annotations

import email.parser
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

PACKAGES = {"datadog_slo", "rootly_sla", "zabbix_sla", "slo_common"}
RUNTIME = {"anyio", "attrs", "cattrs", "certifi", "h11", "httpcore", "httpx", "sniffio", "tenacity"}


def requirement_name(requirement: str) -> str:
    """The name at the start of a requirement such as ``attrs>=24.1; extra == 'x'``."""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), len(requirement))
    return requirement[:end].lower()


def wheel_problems(wheel: Path) -> list[str]:
    """What is wrong with the wheel, one line each."""
    problems: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = next(name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.parser.Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
    top = {name.split("/")[0] for name in names}
    if top != PACKAGES | {info}:
        problems.append(f"top level of the wheel is {sorted(top)}, must be the four packages and {info}")
    problems += [f"{package}/py.typed is missing" for package in sorted(PACKAGES) if f"{package}/py.typed" not in names]
    problems += [f"{name} has no place in a wheel" for name in names if "__pycache__" in name or name.endswith(".pyc")]
    if "slo_common = slo_common.sandbox.pytest_plugin" not in entry_points:
        problems.append("the pytest plugin is not registered")
    return problems + metadata_problems(metadata, names, info)


def metadata_problems(metadata: Message, names: list[str], info: str) -> list[str]:
    """What an index would refuse or show wrongly."""
    problems: list[str] = []
    wanted = {
        "Name": "slo-sdk",
        "Requires-Python": ">=3.11",
        "License-Expression": "MIT",
        "Description-Content-Type": "text/markdown",
    }
    problems += [f"{key} is {metadata[key]!r}, must be {value!r}" for key, value in wanted.items() if metadata[key] != value]
    if f"{info}/licenses/LICENSE" not in names:
        problems.append("the licence text is missing")
    if not str(metadata.get_payload()).strip():
        problems.append("the long description (README) is empty")
    requirements: list[str] = metadata.get_all("Requires-Dist") or []
    always = {requirement_name(r) for r in requirements if "extra ==" not in r}
    if always != RUNTIME:
        problems.append(f"the wheel always requires {sorted(always)}, must be {sorted(RUNTIME)}")
    problems += [
        f"{r}: a library must not cap its dependencies"
        for r in requirements
        if any(op in r for op in ("<", "==", "~=")) and "extra ==" not in r
    ]
    return problems


def sdist_problems(sdist: Path) -> list[str]:
    """What is missing in the sdist, one line each."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "common/slo_common/py.typed",
        "datadog_slo/py.typed",
        "tests/conftest.py",
    }
    return [f"{name} is missing in the sdist" for name in sorted(needed - names)]


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    dist = Path(sys.argv[1])
    wheels, sdists = sorted(dist.glob("*.whl")), sorted(dist.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        print(f"{dist} must hold one wheel and one sdist, it holds {[p.name for p in wheels + sdists]}")
        return 1
    problems = wheel_problems(wheels[0]) + sdist_problems(sdists[0])
    print("\n".join(problems) or f"{wheels[0].name} and {sdists[0].name} hold what they must")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
