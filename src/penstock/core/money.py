"""Money: integer nano-dollars (10⁻⁹ US dollars)."""

from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["NANO_PER_DOLLAR", "format_dollars", "from_dollars", "to_dollars"]

NANO_PER_DOLLAR = 1_000_000_000


def from_dollars(amount: Decimal | float | str) -> int:
    """Nano-dollars of an amount in dollars, rounded half to even. Floats go through their text form."""
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    return int((value * NANO_PER_DOLLAR).to_integral_value(ROUND_HALF_EVEN))


def to_dollars(nano: int) -> Decimal:
    """Dollars, exactly."""
    return Decimal(nano) / NANO_PER_DOLLAR


def format_dollars(nano: int | None) -> str:
    """For people: `$0.000123`, `$12.34`, and `unknown` for None, never `$0` for it."""
    if nano is None:
        return "unknown"
    dollars = to_dollars(nano)
    places = 2 if nano == 0 or abs(dollars) >= 1 else 6
    return f"{'-' if dollars < 0 else ''}${abs(dollars):,.{places}f}"
