"""A vendor that is none: deterministic answers in every client dialect, with timing, token counts and faults."""

from headgate.providers.simulator.engine import Simulator
from headgate.providers.simulator.script import Script, load_script, read_script
from headgate.providers.simulator.transport import SimulatorTransport

__all__ = ["Script", "Simulator", "SimulatorTransport", "load_script", "read_script"]
