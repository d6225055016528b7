"""How the site is built: ``make docs``. Warnings are errors, and every name of ours that a page mentions must lead somewhere."""

# ruff: noqa: INP001 - Sphinx runs this file, nobody imports it

from __future__ import annotations

import ast
import builtins
import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "slo-sdk"
author = "The SLO SDK authors"
copyright = author  # noqa: A001 - Sphinx's own name

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_design"]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "substitution"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
add_module_names = False
python_maximum_signature_line_length = 90
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "slo-sdk"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

PUBLIC_MODULES = (
    "slo_common",
    "slo_common.sandbox",
    "datadog_slo",
    "datadog_slo.sandbox",
    "rootly_sla",
    "rootly_sla.models",
    "rootly_sla.sandbox",
    "zabbix_sla",
    "zabbix_sla.models",
    "zabbix_sla.calls",
    "zabbix_sla.sandbox",
)
OURS = {"slo_common", "datadog_slo", "rootly_sla", "zabbix_sla"}

# What hangs on each client (and where the async twin lives), by the name that users type: documented as DatadogSLO.reports.create and
# not by its private class.
RESOURCES = {
    ("datadog_slo", "DatadogSLO"): (
        "datadog_slo._resources",
        "datadog_slo._async_resources",
        {"reports": "Reports", "slos": "Slos", "corrections": "Corrections"},
    ),
    ("rootly_sla", "RootlySLA"): ("rootly_sla._slas", "rootly_sla._slas", {"slas": "Slas"}),
    ("zabbix_sla", "ZabbixSLA"): (
        "zabbix_sla._resources",
        "zabbix_sla._resources_async",
        {"apiinfo": "ApiInfo", "sla": "Slas", "service": "Services"},
    ),
}


def _hang_resources_on_clients() -> None:
    for (package, client), (home, _, resources) in RESOURCES.items():
        owner = getattr(importlib.import_module(package), client)
        for attribute, name in resources.items():
            setattr(owner, attribute, getattr(importlib.import_module(home), name))


def _public_names() -> dict[str, list[str]]:
    """Where each plain name is public: a name may be public in several packages (Sla)."""
    names: dict[str, list[str]] = {}
    for module in PUBLIC_MODULES:
        loaded = importlib.import_module(module)
        own = [n for n, value in vars(loaded).items() if getattr(value, "__module__", None) == module and not n.startswith("_")]
        for name in getattr(loaded, "__all__", own):
            names.setdefault(name, []).append(f"{module}.{name}")
    for (package, client), (home, async_home, resources) in RESOURCES.items():
        for attribute, name in resources.items():
            names[f"{home}.{name}"] = names[f"{async_home}.Async{name}"] = [f"{package}.{client}.{attribute}"]
    return names


def _purpose(example: Path) -> str:
    """The first sentence of a script, or the first line of a notebook's text."""
    if example.suffix == ".ipynb":
        text = "".join(json.loads(example.read_text(encoding="utf-8"))["cells"][0]["source"])
        return text.strip().splitlines()[-1]
    return (ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or "").split("\n\n")[0].replace("\n", " ")


def _gallery() -> str:
    """A table of the examples, made from what each says of itself."""
    found = sorted(p for p in EXAMPLES.iterdir() if p.suffix in {".py", ".ipynb"} and not p.name.startswith("_"))
    rows = [f"| `{example.name}` | {_purpose(example)} |" for example in found]
    return "\n".join(["| Script | Purpose |", "|---|---|", *rows])


_hang_resources_on_clients()
EXAMPLES = Path(__file__).parents[1] / "examples"
myst_substitutions = {"gallery": _gallery()}
PUBLIC = _public_names()

# Names in signatures and docstrings that stand for themselves: aliases of types, what is private, and what other projects define.
PLAIN = [
    "ArrowTable",
    "AsyncHTTP",
    "Call",
    "Columns",
    "ConditionLike",
    "Console",
    "Credential",
    "Figure",
    "Filter",
    "NotificationLike",
    "OnProgress",
    "OnStatus",
    "Path",
    "Progressing",
    "RedisClient",
    "Row",
    "Safety",
    "SandboxTransport",
    "Select",
    "Server",
    "SyncHTTP",
    "T",
    "T_co",
    "Texts",
    "Timestamp",
    "Token",
    "TracerProvider",
    "Transport",
    "close",
    "record",
]
OTHERS = {"attrs", "httpx", "pa", "pd", "pl", "plotly", "pyarrow", "pandas", "polars", "pytest", "redis"}


def _resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement) -> nodes.Node | None:
    """Lead bare names and private homes to the public entry. What stays None is a warning, and so an error."""
    if node.get("refdomain") != "py":
        return None
    target: str = node["reftarget"]
    first, name = target.partition(".")[0], target.rpartition(".")[2]
    domain: Any = env.get_domain("py")
    # A page's own package comes first: Sla is another class at Rootly than at Zabbix.
    package = first if first in OURS else str(node.get("py:module") or "").split(".")[0]
    found = [full for full in PUBLIC.get(target, PUBLIC.get(name, [])) if full in domain.objects]
    found.sort(key=lambda full: (full.split(".")[0] != package, len(full)))
    if found and (first in OURS or first == target):
        # Any role: a class in a docstring may be an alias, which Sphinx files as data.
        return domain.resolve_any_xref(env, node["refdoc"], app.builder, found[0], node, contnode)[0][1]
    if name in PLAIN or first in OTHERS or first in sys.stdlib_module_names or hasattr(builtins, first):
        return contnode
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
