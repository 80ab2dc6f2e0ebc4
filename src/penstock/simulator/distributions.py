"""Distributions given as text: `constant:50ms`, `lognormal:80ms,0.5`.

| text                 | parameters                                  |
|----------------------|---------------------------------------------|
| `constant:V`         | always V                                    |
| `uniform:LOW,HIGH`   | between the two                             |
| `normal:MEAN,SD`     | cut at 0                                    |
| `lognormal:MEDIAN,S` | S is the standard deviation of the logarithm |
| `exponential:MEAN`   |                                             |

V, LOW, HIGH, MEAN, SD and MEDIAN take a unit where a duration is meant. A value alone is constant.
"""

import math
from collections.abc import Callable
from random import Random

from penstock.core.errors import InvalidInput
from penstock.simulator.units import parse_duration

__all__ = ["Distribution", "parse_distribution"]

Distribution = Callable[[Random], float]
"""One draw; never negative."""

_PARAMETERS = {"constant": 1, "uniform": 2, "normal": 2, "lognormal": 2, "exponential": 1}


def parse_distribution(text: str) -> Distribution:
    """The distribution that a text names; durations are drawn in seconds.

    Raises:
        InvalidInput: unknown name, wrong number of parameters, or a parameter that is no number.
    """
    name, colon, rest = text.strip().partition(":")
    if not colon:
        name, rest = "constant", name
    parts = rest.split(",")
    if _PARAMETERS.get(name) != len(parts):
        raise InvalidInput(
            f"A distribution is constant:V, uniform:LOW,HIGH, normal:MEAN,SD, lognormal:MEDIAN,SIGMA "
            f"or exponential:MEAN; got {text!r}."
        )
    values = [parse_duration(part) for part in parts]
    return _build(name, values, text)


def _build(name: str, values: list[float], text: str) -> Distribution:
    first, last = values[0], values[-1]
    if name == "constant":
        return lambda _: first
    if name == "uniform":
        if first > last:
            raise InvalidInput(f"uniform:LOW,HIGH expects LOW to be at most HIGH; got {text!r}.")
        return lambda random: random.uniform(first, last)
    if name == "normal":
        return lambda random: max(0.0, random.gauss(first, last))
    if name == "lognormal":
        if first <= 0:
            raise InvalidInput(f"lognormal:MEDIAN,SIGMA expects MEDIAN above 0; got {text!r}.")
        mean = math.log(first)
        return lambda random: random.lognormvariate(mean, last)
    return lambda random: random.expovariate(1 / first) if first else 0.0
