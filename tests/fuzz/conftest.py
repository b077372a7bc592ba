"""The targets are modules beside the tests; the wires they speak lie with the properties."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "properties")]
