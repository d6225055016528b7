"""How this package reads values: Zabbix writes numbers, flags and times as texts, and these functions alone read them."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, Final

from slo_common._compile import QuickDecoder, Shapes
from slo_common._convert import WrongType, epoch_datetime
from slo_common._enums import OpenEnum
from slo_common._times import Timestamp
from zabbix_sla.models import ServiceStatus

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?")


def _whole(value: Any, _: Any = None) -> int:
    if type(value) is int:
        return value
    if type(value) is str and _WHOLE.fullmatch(value):
        return int(value)
    raise WrongType(f"expected a whole number, got {_named(value)}")


_NO_FLOAT: Final = 10**308
"""Whole numbers below this fit into a float; no server has larger ones."""


def _number(value: Any, _: Any = None) -> float:
    if type(value) is float or (type(value) is int and abs(value) < _NO_FLOAT):
        return float(value)
    if type(value) is str and _NUMBER.fullmatch(value):
        number = float(value)
        if math.isfinite(number):
            return number
    raise WrongType(f"expected a number, got {_named(value)}")


def _flag(value: Any, _: Any = None) -> bool:
    if type(value) is bool:
        return value
    if value in ("0", "1") and type(value) is str:
        return value == "1"
    raise WrongType(f"expected true or false, got {_named(value)}")


def _time(value: Any, _: Any = None) -> datetime:
    return epoch_datetime(_whole(value))


def _code(value: Any, cls: Any) -> Any:
    """A member of an enumeration. They are numbers written as texts; a few come as numbers."""
    if type(value) is str or type(value) is int:
        return cls(str(value))
    raise WrongType(f"expected a code, got {_named(value)}")


def _named(value: object) -> str:
    return "null" if value is None else "another text" if isinstance(value, str) else type(value).__name__


_SHAPES: Final = Shapes(
    values={int: _whole, float: _number, bool: _flag, datetime: _time, Timestamp: _time, OpenEnum: _code},
    # A number where the service had not changed before, unlike all other states.
    fields={"StatusTimeline": {"start_value": lambda value, _: _code(value, ServiceStatus)}},
    numbers_are_texts=True,
    null_is_absent=False,
)

DECODER: Final = QuickDecoder(_SHAPES)
