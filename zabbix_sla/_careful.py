"""The reader, by cattrs, that names every bad field by its path. Imported for replies that need it."""

from __future__ import annotations

from typing import Final

from cattrs import Converter

from slo_common._convert import Decoder
from slo_common._enums import OpenEnum
from zabbix_sla._convert import VALUES, code


def _configure(converter: Converter) -> None:
    for kind, hook in VALUES.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook(OpenEnum, code)


CAREFUL: Final = Decoder(_configure)
