"""A load generator: replays arrivals against a gateway or a simulator and measures the answers."""

from penstock.simulator.load.plan import LoadPlan, Shot, arrivals
from penstock.simulator.load.run import run_load
from penstock.simulator.load.sketch import Sketch
from penstock.simulator.load.tally import LoadReport, Tally

__all__ = ["LoadPlan", "LoadReport", "Shot", "Sketch", "Tally", "arrivals", "run_load"]
