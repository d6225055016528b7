"""The notebook runs from the first cell to the last in a real kernel, without credentials, and draws its plots."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

with warnings.catch_warnings():
    # Tools of a notebook, not ours; what they deprecate among themselves is no fault of the example.
    warnings.simplefilter("ignore")
    # They are typed in part only, which is worse for a strict checker than not at all.
    nbformat: Any = import_module("nbformat")
    nbclient: Any = import_module("nbclient")

NOTEBOOK = Path(__file__).parents[2] / "examples" / "review_notebook.ipynb"
PLOT = "application/vnd.plotly.v1+json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of zmq and tornado
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of the kernel's manager
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("DD_", "DATADOG_", "ZABBIX_")):
                patch.delenv(name)
        patch.setenv("IPYTHONDIR", str(folder))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
        nbclient.NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    return notebook


def outputs(notebook: Any) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_no_cell_fails(executed: Any) -> None:
    assert [output for output in outputs(executed) if output["output_type"] == "error"] == []


def test_it_draws_three_plots_with_lines(executed: Any) -> None:
    plots = [output["data"][PLOT] for output in outputs(executed) if PLOT in output.get("data", {})]
    assert len(plots) == 3
    assert all(len(plot["data"]) >= 2 for plot in plots)


def test_it_names_the_slos_that_missed_a_week(executed: Any) -> None:
    tables = [
        output["data"]["text/html"] for output in outputs(executed) if "<table" in output.get("data", {}).get("text/html", "")
    ]
    assert "Search answers" in tables[0]
    assert "Checkout" in tables[1]


def test_it_is_kept_without_outputs() -> None:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)
    assert outputs(notebook) == []
