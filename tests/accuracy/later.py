"""`headgate` at a later time: `python later.py SECONDS serve …`. Hours, days and weeks that have not passed have, for it."""

from __future__ import annotations

import sys
import time

from headgate.cli import main
from headgate.clock import SystemClock

if __name__ == "__main__":
    ahead_us = int(sys.argv.pop(1)) * 1_000_000
    SystemClock.now_us = lambda _: time.time_ns() // 1000 + ahead_us
    main()
