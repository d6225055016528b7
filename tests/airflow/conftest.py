"""An Airflow of its own for each run of the tests: Airflow reads its home when it is imported, which is after this file."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

HOME = Path(tempfile.mkdtemp(prefix="slo-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
}
os.environ.update(SETTINGS)


@pytest.fixture
def anyio_backend() -> str:
    """Airflow's triggerer runs on asyncio."""
    return "asyncio"


@pytest.fixture
def airflow_home() -> Path:
    return HOME
