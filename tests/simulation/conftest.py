"""The simulated world is a module beside the tests; what keeps events is one of the load tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parent.parent / "load")]
