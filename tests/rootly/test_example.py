"""``examples/rootly_slas_as_code.py``: runs as it is, shows first and writes only when told."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rootly_sla import RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common.sandbox import Fault, VirtualClock
from tests.rootly.modes import TOKEN

SCRIPT = Path(__file__).parents[2] / "examples" / "rootly_slas_as_code.py"
NOTHING_TO_DO = """
slas:
  - name: Sev2 follow-ups
    manager_user_id: 7
    assignment_deadline_days: 3
    assignment_deadline_parent_status: resolved
    completion_deadline_days: 30
    completion_deadline_parent_status: resolved
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(folder: Path, text: str) -> str:
    path = folder / "slas.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_without_credentials_it_shows_what_would_change_in_the_sandbox() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:4] == [
        "No ROOTLY_API_TOKEN: asking the sandbox.",
        "~ Sev1 follow-ups",
        '    description: null -> "Follow-ups of the worst incidents have an owner within a day."',
        "    completion_deadline_days: 21 -> 14",
    ]
    assert '      + {"offset_type": "before_due", "offset_days": 2}' in done.stdout
    assert "= Sev2 follow-ups\n+ Security follow-ups\n" in done.stdout
    assert done.stdout.endswith(
        "Plan: 1 to create, 1 to update, 0 to delete, 1 unchanged.\nNothing was changed; --apply does it.\n"
    )


def test_colours_when_asked_for() -> None:
    done = run("--color", "always")
    assert "\033[33m~ Sev1 follow-ups\033[0m" in done.stdout
    assert "completion_deadline_days: \033[31m21\033[0m -> \033[32m14\033[0m" in done.stdout


def test_apply_does_it() -> None:
    done = run("--apply")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Done: 2 of 2 changes.")


@pytest.mark.parametrize(("text", "status"), [(NOTHING_TO_DO, 0), (NOTHING_TO_DO.replace("30", "14"), 1)])
def test_check_tells_a_pipeline_by_its_status(tmp_path: Path, text: str, status: int) -> None:
    assert run(written(tmp_path, text), "--check").returncode == status


def test_others_are_deleted_only_when_told(tmp_path: Path) -> None:
    path = written(tmp_path, NOTHING_TO_DO)
    assert "0 to delete, 1 unchanged" in run(path).stdout
    assert "- Sev1 follow-ups\nPlan: 0 to create, 0 to update, 1 to delete, 1 unchanged." in run(path, "--delete-others").stdout


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "slas: not found; allowed: a mapping with a list 'slas' of mappings"),
        ("slas: [5]", "slas: not found"),
        (NOTHING_TO_DO.replace("name:", "nom:"), "nom: an unknown attribute; allowed: name, assignment_deadline_days"),
        (NOTHING_TO_DO.replace("    completion_deadline_days: 30\n", ""), "completion_deadline_days: it is missing"),
        (NOTHING_TO_DO.replace("30", "31"), "desired[0].completion_deadline_days: 31 was given; allowed: 1, 2"),
        ("slas: [", "expected the node content"),
    ],
)
def test_a_wrong_file_is_told_line_by_line(tmp_path: Path, text: str, problem: str) -> None:
    done = run(written(tmp_path, text))
    assert done.returncode == 2
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there() -> None:
    done = run("no-such-file.yaml")
    assert (done.returncode, "No such file" in done.stderr) == (2, True)


def test_what_fails_is_told_and_the_rest_is_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = importlib.util.spec_from_file_location("rootly_slas_as_code", SCRIPT)
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    sandbox = RootlySandbox.demo(clock=VirtualClock())
    sandbox.faults.add(Fault.status(403, method="PUT", body=b'{"errors": [{"title": "Forbidden"}]}'))
    monkeypatch.setattr(script, "client", lambda: RootlySLA(TOKEN, http=sandbox.transport()))
    assert script.main(["--apply"]) == 2
    told = capsys.readouterr().err
    assert "update Sev1 follow-ups: rootly.slas.update" in told
    assert "HTTP 403: Forbidden" in told
    assert told.endswith("2 done, 0 not tried.\n")
    assert "Security follow-ups" in [sla["name"] for sla in sandbox.slas.values()]


def test_with_a_token_it_asks_rootly() -> None:
    """Through a proxy that is not there: the request must leave for the real address, and the token must not be told."""
    done = run(ROOTLY_API_TOKEN="very-secret-token", HTTPS_PROXY="http://127.0.0.1:1")
    assert done.returncode == 2
    assert "sandbox" not in done.stdout
    assert "very-secret-token" not in done.stdout + done.stderr
    assert "rootly.slas.list" in done.stderr
