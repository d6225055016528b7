"""Rootly's SLAs as code: bring them in line with a YAML file. A dry run with a coloured diff unless ``--apply`` is given.

With ROOTLY_API_TOKEN set it asks Rootly, else the sandbox that comes with the package. ``--check`` ends with status 1 when something
would change, for a pipeline; ``--delete-others`` deletes what the file does not name.

    python examples/rootly_slas_as_code.py examples/rootly_slas.yaml [--apply] [--check] [--delete-others] [--color auto|always|never]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from rootly_sla import ApplyFailed, FieldChange, Plan, PlannedChange, RootlySLA, SlaSpec, Step
from rootly_sla.sandbox import RootlySandbox
from slo_common import InvalidArgument, SloError

HERE = Path(__file__).parent
LISTS = ("conditions", "notification_configurations")
GREEN, YELLOW, RED, FAINT, PLAIN = "\033[32m", "\033[33m", "\033[31m", "\033[2m", "\033[0m"
SIGNS = {Step.CREATE: ("+", GREEN), Step.UPDATE: ("~", YELLOW), Step.DELETE: ("-", RED), Step.UNCHANGED: ("=", FAINT)}


def client() -> RootlySLA:
    """Rootly if there is a token, else a small team in memory."""
    if os.environ.get("ROOTLY_API_TOKEN") or os.environ.get("ROOTLY_API_KEY"):
        return RootlySLA()
    print("No ROOTLY_API_TOKEN: asking the sandbox.")
    return RootlySLA("sandbox", http=RootlySandbox.demo().transport())


def read(path: Path) -> list[SlaSpec]:
    """The SLAs of a file: a list ``slas``, and ``defaults`` that hold for each of them."""
    content = cast(dict[str, Any], yaml.safe_load(path.read_text("utf-8")))
    try:
        defaults, slas = content.get("defaults", {}), content["slas"]
        merged: list[dict[str, Any]] = [{**defaults, **sla} for sla in slas]
    except (AttributeError, KeyError, TypeError):
        raise InvalidArgument(
            "slas: not found; allowed: a mapping with a list 'slas' of mappings and, if wanted, 'defaults'"
        ) from None
    return [SlaSpec.from_dict(sla) for sla in merged]


class Painter:
    """Colours text, or leaves it alone."""

    def __init__(self, when: str) -> None:
        self._on = when == "always" or (when == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"))

    def __call__(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._on else text


def shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def field_lines(change: FieldChange, step: Step, paint: Painter) -> Iterator[str]:
    """One attribute; of a list only the entries that come and go."""
    before, after = change.before, change.after
    if step is Step.CREATE:
        yield f"    {change.name}: {paint(GREEN, shown(after))}"
    elif change.name in LISTS:
        held, wanted = cast(list[object], before), cast(list[object], after)
        yield f"    {change.name}:"
        yield from (paint(RED, f"      - {shown(entry)}") for entry in held if entry not in wanted)
        yield from (paint(GREEN, f"      + {shown(entry)}") for entry in wanted if entry not in held)
    else:
        yield f"    {change.name}: {paint(RED, shown(before))} -> {paint(GREEN, shown(after))}"


def diff(changes: Sequence[PlannedChange], paint: Painter) -> Iterator[str]:
    for change in changes:
        sign, colour = SIGNS[change.step]
        yield paint(colour, f"{sign} {change.name}")
        for field in change.changes:
            if field.name != "name":
                yield from field_lines(field, change.step, paint)


def summary(plan: Plan) -> str:
    counts = ((Step.CREATE, "to create"), (Step.UPDATE, "to update"), (Step.DELETE, "to delete"), (Step.UNCHANGED, "unchanged"))
    return ", ".join(f"{len(plan.only(step))} {words}" for step, words in counts)


def run(options: argparse.Namespace) -> int:
    paint = Painter(options.color)
    desired = read(options.file)
    with client() as rootly:
        plan = rootly.slas.plan(desired, delete_others=options.delete_others)
        for line in diff(plan.changes, paint):
            print(line)
        print(f"Plan: {summary(plan)}.")
        if not options.apply:
            if plan.writes:
                print("Nothing was changed; --apply does it.")
            return 1 if options.check and plan.writes else 0
        result = rootly.slas.apply(plan)
        print(f"Done: {sum(change.done is not Step.UNCHANGED for change in result.done)} of {plan.writes} changes.")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=HERE / "rootly_slas.yaml")
    parser.add_argument("--apply", action="store_true", help="do it; without this nothing is changed")
    parser.add_argument("--check", action="store_true", help="end with status 1 when something would change")
    parser.add_argument("--delete-others", action="store_true", help="delete SLAs that the file does not name")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except InvalidArgument as wrong:
        print("\n".join(f"{options.file}: {problem}" for problem in wrong.problems), file=sys.stderr)
    except ApplyFailed as failed:
        for change in failed.result.failed:
            print(f"{change.planned.step} {change.planned.name}: {change.error}", file=sys.stderr)
        print(f"{len(failed.result.done)} done, {len(failed.result.not_tried)} not tried.", file=sys.stderr)
    except (SloError, OSError, yaml.YAMLError) as failure:
        print(failure, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
