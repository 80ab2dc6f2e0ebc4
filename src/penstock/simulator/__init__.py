"""A provider simulator: speaks OpenAI, Anthropic and Gemini on the wire, answers by seed, misbehaves on order."""

from penstock.simulator.app import Simulator
from penstock.simulator.config import ReplayConfig, SimulatorConfig, TraceConfig
from penstock.simulator.faults import Fault, parse_fault, parse_faults
from penstock.simulator.models import SIMULATED_MODELS
from penstock.simulator.server import running, serve

__all__ = [
    "SIMULATED_MODELS",
    "Fault",
    "ReplayConfig",
    "Simulator",
    "SimulatorConfig",
    "TraceConfig",
    "parse_fault",
    "parse_faults",
    "running",
    "serve",
]
