"""All who take part: importing this registers them."""

from __future__ import annotations

import contestants_decoding
import contestants_httpx
import contestants_inside
import contestants_official
import contestants_ours
from registry import CONTESTANTS, EXPECTED, OURS, PEERS, Contestant

__all__ = ["CONTESTANTS", "EXPECTED", "MODULES", "OURS", "PEERS", "Contestant"]

MODULES = (contestants_decoding, contestants_httpx, contestants_inside, contestants_official, contestants_ours)
