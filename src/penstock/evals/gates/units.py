"""Amounts of a rule with their units, and amounts as people read them."""

import math
from typing import Final

from penstock.evals.gates.types import Unit

__all__ = ["CALLED", "UNITS", "show", "show_difference"]

UNITS: Final[dict[str, tuple[Unit, float]]] = {
    "pt": ("share", 0.01), "pts": ("share", 0.01), "point": ("share", 0.01), "points": ("share", 0.01),
    "%": ("share", 0.01),
    "us": ("seconds", 1e-6), "ms": ("seconds", 1e-3), "s": ("seconds", 1.0), "sec": ("seconds", 1.0),
    "second": ("seconds", 1.0), "seconds": ("seconds", 1.0), "min": ("seconds", 60.0),
    "token": ("tokens", 1.0), "tokens": ("tokens", 1.0),
    "$": ("dollars", 1.0), "dollar": ("dollars", 1.0), "dollars": ("dollars", 1.0),
}  # fmt: skip
CALLED: Final[dict[Unit, str]] = {
    "share": "a share, as 90% or 1pt",
    "seconds": "a time, as 3s or 250ms",
    "dollars": "money, as $0.01",
    "tokens": "a number of tokens",
    "number": "a number",
}


def show(value: float, unit: Unit) -> str:
    """A value for people: `85.2%`, `1.25 s`, `$0.0012`."""
    if not math.isfinite(value):
        return "no bound" if math.isinf(value) else "unknown"
    if unit == "share":
        return f"{value * 100:.1f}%"
    if unit == "seconds":
        return f"{value * 1000:.0f} ms" if abs(value) < 1 else f"{value:.2f} s"
    if unit == "dollars":
        return f"{'-' if value < 0 else ''}${abs(value):.4g}"
    return f"{value:.4g} tokens" if unit == "tokens" else f"{value:.4g}"


def show_difference(value: float, unit: Unit) -> str:
    """A difference with its sign: `+1.5 pt`, `-20 ms`."""
    if not math.isfinite(value):
        return show(value, unit)
    sign = "+" if value > 0 else "-" if value < 0 else ""
    text = f"{abs(value) * 100:.1f} pt" if unit == "share" else show(abs(value), unit)
    return f"{sign}{text}"
