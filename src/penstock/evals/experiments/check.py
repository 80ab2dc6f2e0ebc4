"""Whether an experiment can be run as it is written."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from penstock.core.errors import InvalidInput
from penstock.core.money import from_dollars
from penstock.evals.experiments.references import definition_of, is_pinned
from penstock.evals.experiments.table import MEASURES
from penstock.evals.experiments.types import ExperimentSpec, VariantSpec

__all__ = ["check_spec", "max_cost_of", "needs_process"]

MAX_VARIANTS: Final = 50
MAX_EVALUATORS: Final = 50
MAX_NAME: Final = 100

CheckEvaluator = Callable[[dict[str, Any], str], None]
"""Checks a definition; the second argument is the path of the field. Raises `InvalidInput`."""


def check_spec(spec: ExperimentSpec, *, evaluator: CheckEvaluator, rule: Callable[[str], object] | None = None) -> None:
    """Refuse what cannot be run.

    Args:
        spec: What was asked for.
        evaluator: Checks definitions of evaluators.
        rule: Parses a rule of the gate.

    Raises:
        InvalidInput: `field` says where (`variants[1].model`).
    """
    if not 0 < len(spec.name.strip()) <= 2 * MAX_NAME:
        raise _refused("name", f"Expected a name of 1 to {2 * MAX_NAME} characters.")
    _check_range(spec)
    if not 1 <= len(spec.variants) <= MAX_VARIANTS:
        raise _refused("variants", f"Expected 1 to {MAX_VARIANTS} variants, got {len(spec.variants)}.")
    _check_variants(spec)
    if len(spec.evaluators) > MAX_EVALUATORS:
        raise _refused("evaluators", f"Expected at most {MAX_EVALUATORS} evaluators, got {len(spec.evaluators)}.")
    for index, definition in enumerate(spec.evaluators):
        name = definition.get("name", definition.get("type"))
        if name in MEASURES:
            raise InvalidInput(
                f"evaluators[{index}]: {name} is measured of every answer already, and no evaluator can have its name.",
                field=f"evaluators[{index}].name",
                hint=f"Leave it out, or call it otherwise: fast, or {name}_in_budget.",
                code="invalid_experiment",
            )
        if "python" not in definition and is_pinned(definition):
            evaluator(dict(definition_of(definition)), f"evaluators[{index}]")
    for index, text in enumerate(spec.gate):
        if rule is None:
            continue
        try:
            rule(text)
        except InvalidInput as error:
            raise InvalidInput(error.message, field=f"gate[{index}]", hint=error.hint, code=error.code) from error
    max_cost_of(spec)


def max_cost_of(spec: ExperimentSpec) -> int | None:
    """Nano-dollars.

    Raises:
        InvalidInput: it is no amount of dollars.
    """
    if spec.max_cost is None:
        return None
    try:
        amount = from_dollars(spec.max_cost.strip().lstrip("$"))
    except ArithmeticError:
        amount = 0
    if amount <= 0:
        raise _refused("max_cost", f"Expected an amount of dollars like 2.50, got {spec.max_cost!r}.")
    return amount


def needs_process(spec: ExperimentSpec) -> str | None:
    """What of it runs only in a process of the user's, None when the console can run it."""
    for path, text in _functions(spec):
        return f"{path} is the function {text}"
    return None


def _functions(spec: ExperimentSpec) -> Iterator[tuple[str, str]]:
    for index, variant in enumerate(spec.variants):
        if variant.python is not None:
            yield f"variants[{index}]", variant.python
    for index, definition in enumerate(spec.evaluators):
        if "python" in definition:
            yield f"evaluators[{index}]", str(definition["python"])


def _check_variants(spec: ExperimentSpec) -> None:
    for index, variant in enumerate(spec.variants):
        _check_variant(variant, f"variants[{index}]")
    names = [variant.name for variant in spec.variants]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise _refused(f"variants[{index}].name", f"Two variants are called {name!r}.")
    if spec.baseline is not None and spec.baseline not in names:
        known = ", ".join(names)
        raise _refused("baseline", f"Expected the name of a variant, got {spec.baseline!r}; there are {known}.")


def _check_variant(variant: VariantSpec, path: str) -> None:
    if not 0 < len(variant.name.strip()) <= MAX_NAME:
        raise _refused(f"{path}.name", f"Expected a name of 1 to {MAX_NAME} characters.")
    if (variant.model is None) == (variant.python is None):
        raise _refused(path, "Expected either a model or a python function.")
    if variant.python is not None and (variant.prompt or variant.messages or variant.parameters):
        raise _refused(path, "A python function takes no prompt, messages or parameters.")
    if variant.prompt is not None and variant.messages is not None:
        raise _refused(path, "Expected either a prompt of the registry or messages, got both.")
    for name in ("model", "messages", "stream"):
        if name in variant.parameters:
            raise _refused(f"{path}.parameters.{name}", f"{name} is no parameter of a variant.")


def _check_range(spec: ExperimentSpec) -> None:
    bounds: tuple[tuple[str, float, float, float], ...] = (
        ("repetitions", spec.repetitions, 1, 100),
        ("concurrency", spec.concurrency, 1, 1000),
        ("timeout", spec.timeout, 0.1, 3600),
        ("retries", spec.retries, 0, 20),
        ("confidence", spec.confidence, 0.5, 0.9999),
        ("limit", 1 if spec.limit is None else spec.limit, 1, 10_000_000),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise _refused(name, f"Expected {least:g} to {most:g}, got {value:g}.")


def _refused(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", field=field, code="invalid_experiment")
