"""Who may import whom, read from the source; and what an import of the packages brings in."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from attrs import fields, frozen, has

VENDORS = ("datadog_slo", "rootly_sla", "zabbix_sla")
PACKAGES = ("slo_common", *VENDORS)
PUBLIC_MODULES = (*PACKAGES, "slo_common.sandbox", *(f"{vendor}.sandbox" for vendor in VENDORS))
OPTIONAL = ("httptools", "msgspec", "opentelemetry", "pandas", "plotly", "polars", "pyarrow", "pytest", "redis", "rich", "yaml")
# The two doors that open all three sandboxes at once may look for them, inside a function.
MAY_OPEN_VENDORS = {"slo_common.sandbox.__main__", "slo_common.sandbox.pytest_plugin"}


@frozen
class Import:
    """One import statement: the module it stands in, what it imports, and whether that happens when the module is loaded."""

    importer: str
    imported: str
    at_load: bool

    @property
    def top(self) -> str:
        return self.imported.partition(".")[0]


def source_files(package: str) -> Iterator[tuple[str, Path]]:
    root = Path(str(importlib.import_module(package).__file__)).parent
    for path in sorted(root.rglob("*.py")):
        parts = [package, *path.relative_to(root).with_suffix("").parts]
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    later = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_type_checkers(node)
    )
    lazy = {id(inner) for node in later for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, id(node) not in lazy)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            yield Import(module, str(node.module), id(node) not in lazy)


IMPORTS = tuple(
    found
    for package in PACKAGES
    for module, path in source_files(package)
    for found in imports_of(module, ast.parse(path.read_text(encoding="utf-8")))
)


def test_httpx_is_imported_by_one_module() -> None:
    importers = [i for i in IMPORTS if i.top == "httpx"]
    assert {i.importer for i in importers} == {"slo_common._httpx"}


def test_httpcore_is_imported_for_trio_for_proxies_and_for_mocks() -> None:
    importers = {i.importer for i in IMPORTS if i.top == "httpcore"}
    assert importers == {"slo_common._http", "slo_common._core_connections", "slo_common._sockets"}


def test_h11_and_httptools_are_imported_by_what_reads_replies() -> None:
    importers = {(i.importer, i.top) for i in IMPORTS if i.top in {"h11", "httptools"}}
    assert importers == {("slo_common._h11_reader", "h11"), ("slo_common._httptools_reader", "httptools")}


@pytest.mark.parametrize("vendor", VENDORS)
def test_vendor_imports_no_other_vendor(vendor: str) -> None:
    others = set(VENDORS) - {vendor}
    assert [i for i in IMPORTS if i.importer.partition(".")[0] == vendor and i.top in others] == []


def test_shared_layer_imports_no_vendor() -> None:
    found = [i for i in IMPORTS if i.importer.startswith("slo_common") and i.top in VENDORS]
    assert [i for i in found if i.at_load or i.importer not in MAY_OPEN_VENDORS] == []


def test_folder_name_common_is_never_imported() -> None:
    assert [i for i in IMPORTS if i.top == "common"] == []


def test_third_party_imports_are_declared_dependencies() -> None:
    declared = {"anyio", "attr", "attrs", "cattrs", "certifi", "h11", "httpcore", "httpx", "sniffio", "tenacity"}
    at_load = {i.top for i in IMPORTS if i.at_load and i.importer != "slo_common.sandbox.pytest_plugin"}
    assert at_load - declared - set(PACKAGES) - sys.stdlib_module_names <= set(OPTIONAL)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_name_of_all_resolves(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_dir_lists_every_name_of_all(name: str) -> None:
    module = importlib.import_module(name)
    assert set(module.__all__) - set(dir(module)) == set()


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_holds_no_private_name(name: str) -> None:
    assert [public for public in importlib.import_module(name).__all__ if public.startswith("_")] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_public_class_and_function_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    public = {public: getattr(module, public) for public in module.__all__}
    assert [p for p, value in public.items() if (inspect.isclass(value) or inspect.isfunction(value)) and not value.__doc__] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_a_name_that_does_not_exist_is_an_attribute_error(name: str) -> None:
    module = importlib.import_module(name)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_import_loads_no_optional_package(name: str) -> None:
    code = f"import json, sys; import {name}; print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert set(json.loads(printed)) & set(OPTIONAL) == set()


@pytest.mark.parametrize("name", [*PACKAGES, *(f"{vendor}.models" for vendor in VENDORS)])
def test_frameworks_can_read_the_types_of_every_model(name: str) -> None:
    """Where names are imported for type checkers alone, ``get_type_hints`` fails: so models import what their fields name."""
    module = importlib.import_module(name)
    models = [cls for public in dir(module) if isinstance(cls := getattr(module, public), type) and has(cls)]
    assert models
    for model in models:
        assert {field.name for field in fields(model)} <= get_type_hints(model).keys(), model
