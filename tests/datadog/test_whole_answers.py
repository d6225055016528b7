"""Answers in which everything is there that the vendor's documents declare: every value of them arrives in what the client returns."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from attrs import define, field

from datadog_slo import DatadogSLO
from slo_common._pages import Page
from tests.datadog.contract import Contract, Operation
from tests.datadog.drivers import KEYS
from tests.datadog.test_contract import SLOS, WINDOW

Place = str
CALLS: dict[str, Callable[[DatadogSLO], object]] = {
    "ListSLOs": lambda dd: next(dd.slos.list().pages()),
    "CreateSLO": lambda dd: dd.slos.create(SLOS[0]),
    "GetSLO": lambda dd: dd.slos.get("a", with_configured_alert_ids=True),
    "DeleteSLO": lambda dd: dd.slos.delete("a"),
    "DeleteSLOTimeframeInBulk": lambda dd: dd.slos.bulk_delete({"a": ["7d"]}),
    "CheckCanDeleteSLO": lambda dd: dd.slos.can_delete(["a"]),
    "SearchSLO": lambda dd: (next(dd.slos.search().pages()), dd.slos.facets()),
    "GetSLOHistory": lambda dd: dd.slos.history("a", **WINDOW),
    "GetSLOCorrections": lambda dd: next(dd.slos.corrections("a").pages()),
    "ListSLOCorrection": lambda dd: next(dd.corrections.list().pages()),
    "CreateSLOCorrection": lambda dd: dd.corrections.create(category="Other", start=1, end=2, slo_id="a"),
    "GetSLOCorrection": lambda dd: dd.corrections.get("a"),
    "UpdateSLOCorrection": lambda dd: dd.corrections.update("a", start=1),
    "GetSloStatus": lambda dd: dd.slos.status("a", **WINDOW),
    "CreateSLOReportJob": lambda dd: dd.reports.create(query="*", **WINDOW),
    "GetSLOReportJobStatus": lambda dd: dd.reports.status("a"),
}
"""Without UpdateSLO, whose answer is CreateSLO's, the correction's 204 and the CSV."""

_REASONS: dict[str, list[Place]] = {
    "a count that was recorded to be that of the page": [
        "ListSLOs $.metadata.page.total_filtered_count",
        "CreateSLO $.metadata.page.total_filtered_count",
        "GetSLOCorrections $.meta.page.total_filtered_count",
        "ListSLOCorrection $.meta.page.total_filtered_count",
    ],
    "the answer to a creation is a list of one": ["CreateSLO $.metadata.page.total_count"],
    "the documents say of no operation how it is used, and it was recorded as null": [
        "ListSLOs $.errors[]",
        "CreateSLO $.errors[]",
        "GetSLO $.errors[]",
    ],
    "the iterator pages by itself": [
        *(f"SearchSLO $.links.{name}" for name in ("first", "last", "next", "prev", "self")),
        *(f"SearchSLO $.meta.pagination.{name}_number" for name in ("first", "last", "next", "prev")),
        *(f"SearchSLO $.meta.pagination.{name}" for name in ("number", "size", "type")),
    ],
    "a constant": ["SearchSLO $.data.type"],
}
LEFT_OUT = {place for places in _REASONS.values() for place in places}


@define
class Sample:
    """An example of a schema in which each text and number occurs once, and where it stands."""

    operation: Operation
    variant: int
    """Which one is taken where there is a choice."""
    places: dict[str | float, Place] = field(factory=dict[str | float, Place])
    _numbers: Iterator[int] = field(factory=lambda: count(1_000_001))

    def of(self, schema: dict[str, Any], at: Place = "$") -> Any:
        schema = self.operation.resolve(schema)
        if "oneOf" in schema:
            return self.of(schema["oneOf"][self.variant % len(schema["oneOf"])], at)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type", "object"):
            case "array" if at.endswith(".history[]"):
                return [1_700_000_000, 1]  # a pair, which the documents cannot say
            case "array":
                return [self.of(schema["items"], f"{at}[]")]
            case "boolean":
                return True
            case "string" | "integer" | "number" as kind:
                number = next(self._numbers)
                value: str | float = f"text {number}" if kind == "string" else number if kind == "integer" else number + 0.5
                self.places[value] = at
                return value
            case _:
                more: Any = schema.get("additionalProperties")
                found = {name: self.of(inner, f"{at}.{name}") for name, inner in schema.get("properties", {}).items()}
                return found | ({"7d": self.of(more, f"{at}.*")} if more else {})


def leaves(found: object) -> Iterator[str | float]:
    """Every text and number of a result; times as seconds, and as the vendor's milliseconds."""
    value: Any = found
    if isinstance(value, dt.datetime):
        yield from (value.timestamp(), value.timestamp() * 1000)
    elif isinstance(value, enum.Enum):
        yield str(value.value)
    elif isinstance(value, str | int | float):
        yield value
    elif isinstance(value, Page):
        yield from leaves(value.total)
        yield from leaves(value.items)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # a page of anything
    else:
        inner: Any = value
        if hasattr(inner, "__attrs_attrs__"):
            inner = [getattr(inner, attribute.name) for attribute in inner.__attrs_attrs__]
        elif hasattr(inner, "items"):
            inner = [*inner, *inner.values()]
        for item in inner or ():
            yield from leaves(item)


@pytest.mark.parametrize("variant", [0, 1])
@pytest.mark.parametrize("name", CALLS)
def test_every_declared_value_arrives(name: str, variant: int) -> None:
    sample = Sample(Contract().named(name), variant)
    schema = sample.operation.spec["responses"]["200"]["content"]["application/json"]["schema"]
    answer = httpx.Response(200, json=sample.of(schema))
    with DatadogSLO(**KEYS, http=httpx.MockTransport(lambda _: answer)) as dd:
        arrived = set(leaves(CALLS[name](dd)))
    assert len(sample.places) > 1
    missing = {f"{name} {place}" for value, place in sample.places.items() if value not in arrived}
    assert missing - LEFT_OUT == set()
