"""The picture of quality against its price: placed once, drawn as SVG or by whoever draws a PDF."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec

from penstock.evals.experiments.pareto import Pareto, Point
from penstock.evals.gates.units import show

__all__ = ["BOTTOM", "COLORS", "HEIGHT", "LEFT", "RIGHT", "TOP", "WIDTH", "Picture", "Placed", "as_svg", "placed"]

WIDTH: Final = 620.0
HEIGHT: Final = 280.0
LEFT: Final = 70.0
RIGHT: Final = 130.0
TOP: Final = 16.0
BOTTOM: Final = 44.0
TICKS: Final = 4
MAX_LABEL: Final = 24
COLORS: Final = ("#2f6fb2", "#c2571a", "#2a8a57", "#8a4fb0", "#a6831b", "#b0375a", "#3c8f96", "#6a6f76")


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A variant: its point and the ends of its intervals. The origin is below on the left."""

    name: str
    color: str
    x: float
    y: float
    across: tuple[float, float]
    along: tuple[float, float]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Places in points, of a drawing `WIDTH` by `HEIGHT`."""

    points: list[Placed]
    front: list[tuple[float, float]]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_title: str
    y_title: str


def placed(found: Pareto) -> Picture:
    """Where everything stands."""
    xs = _range([end for one in found.points for end in _ends(one.x.low, one.x.value, one.x.high)])
    ys = _range([end for one in found.points for end in _ends(one.y.low, one.y.value, one.y.high)])

    def across(value: float) -> float:
        return LEFT + (value - xs[0]) / (xs[1] - xs[0]) * (WIDTH - LEFT - RIGHT)

    def along(value: float) -> float:
        return BOTTOM + (value - ys[0]) / (ys[1] - ys[0]) * (HEIGHT - TOP - BOTTOM)

    def point(index: int, one: Point) -> Placed:
        low_x, _, high_x = _ends(one.x.low, one.x.value, one.x.high)
        low_y, _, high_y = _ends(one.y.low, one.y.value, one.y.high)
        name = one.variant if len(one.variant) <= MAX_LABEL else f"{one.variant[: MAX_LABEL - 1]}…"
        return Placed(
            name=name,
            color=COLORS[index % len(COLORS)],
            x=across(one.x.value),
            y=along(one.y.value),
            across=(across(low_x), across(high_x)),
            along=(along(low_y), along(high_y)),
        )

    return Picture(
        points=[point(index, one) for index, one in enumerate(found.points)],
        front=[(across(one.x.value), along(one.y.value)) for one in found.front()],
        x_ticks=[(across(value), show(value, found.price_unit)) for value in _ticks(*xs)],
        y_ticks=[(along(value), show(value, found.quality_unit)) for value in _ticks(*ys)],
        x_title=f"{found.price}, less is better",
        y_title=f"{found.quality}, {'less' if found.less_is_better else 'more'} is better",
    )


def as_svg(found: Pareto) -> str:
    """Without scripts or anything from elsewhere."""
    picture = placed(found)

    def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
        return f'<line x1="{x1:.1f}" y1="{HEIGHT - y1:.1f}" x2="{x2:.1f}" y2="{HEIGHT - y2:.1f}" {style}/>'

    def text(x: float, y: float, what: str, anchor: str) -> str:
        return f'<text x="{x:.1f}" y="{HEIGHT - y:.1f}" text-anchor="{anchor}">{escape(what)}</text>'

    faint = 'stroke="currentColor" stroke-opacity=".15"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}"',
        f' role="img" aria-label="{escape(picture.y_title)}; {escape(picture.x_title)}"',
        ' font-size="11" fill="currentColor" font-family="system-ui,sans-serif">',
        *(
            line(x, BOTTOM, x, HEIGHT - TOP, faint) + text(x, BOTTOM - 16, what, "middle")
            for x, what in picture.x_ticks
        ),
        *(line(LEFT, y, WIDTH - RIGHT, y, faint) + text(LEFT - 8, y - 4, what, "end") for y, what in picture.y_ticks),
        text((LEFT + WIDTH - RIGHT) / 2, 8, picture.x_title, "middle"),
        text(LEFT, HEIGHT - 10, picture.y_title, "start"),
    ]
    track = " ".join(f"{x:.1f},{HEIGHT - y:.1f}" for x, y in picture.front)
    parts.append(f'<polyline points="{track}" fill="none" stroke="currentColor" stroke-dasharray="4 3"/>')
    for one in picture.points:
        stroke = f'stroke="{one.color}" stroke-width="1.4"'
        parts += [
            line(one.across[0], one.y, one.across[1], one.y, stroke),
            line(one.x, one.along[0], one.x, one.along[1], stroke),
            f'<circle cx="{one.x:.1f}" cy="{HEIGHT - one.y:.1f}" r="4.5" fill="{one.color}"/>',
            text(one.x + 7, one.y + 6, one.name, "start"),
        ]
    return "".join(parts) + "</svg>"


def _ends(low: float | None, value: float, high: float | None) -> tuple[float, float, float]:
    return value if low is None else low, value, value if high is None else high


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    # Where all are the same, the point stands in the middle.
    spare = (high - low) * 0.06 or max(abs(high), 1e-9) * 0.5
    return low - spare, high + spare


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the range."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]
