"""Print the oldest allowed version of each dependency as pip constraints: run by ``make test-lowest``."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

TOOLS = {"all", "dev", "docs", "test"}

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
extras: dict[str, list[str]] = project["optional-dependencies"]
for requirement in [*project["dependencies"], *(r for name, group in extras.items() if name not in TOOLS for r in group)]:
    if match := re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement):
        print(f"{match[1]}=={match[2]}")
