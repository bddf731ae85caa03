"""`make eval-power` and `make eval-scale`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from evaluation import power, scale

WHAT = {"power": power.main, "scale": scale.main}

if __name__ == "__main__":
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if name not in WHAT:
        sys.exit(f"which: {', '.join(WHAT)}")
    sys.exit(WHAT[name]())
