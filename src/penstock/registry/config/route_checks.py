"""What the types of a route cannot say: members that exclude each other, expressions, names, and judges' circles."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.registry.config.bind import Binder, child_path, fields_of
from penstock.registry.config.document import Item
from penstock.registry.config.errors import nearest
from penstock.registry.config.forms import NAME, shown
from penstock.registry.config.route_types import (
    CascadeConfig,
    CheckConfig,
    ChoiceConfig,
    CohortConfig,
    DegradationConfig,
    HedgeConfig,
    JudgeConfig,
    ParametersConfig,
    RegexConfig,
    RetriesConfig,
    RouteConfig,
    RuleConfig,
    ShadowConfig,
    StrategyConfig,
    VariantConfig,
)
from penstock.wire.prompts import parse_prompt_ref

__all__ = ["ROUTE_CHECKS", "Serving", "Surroundings", "check_route", "judges_within", "target_problem"]

MAX_EXPRESSION = 4096
"""Characters of a regular expression."""


# --- structs by themselves --------------------------------------------------------------------


def _exactly_one(value: msgspec.Struct, path: str, binder: Binder) -> None:
    members = fields_of(type(value))
    given = [name for name, (_, member) in members.items() if getattr(value, member.name) is not None]
    if len(given) != 1:
        came = ", ".join(given) if given else "nothing"
        binder.fail(f"expected exactly one of {', '.join(members)}, got {came}.", path=path)


def _check_parameters(value: ParametersConfig, path: str, binder: Binder) -> None:
    if value.temperature is not None and value.temperature < 0:
        binder.fail(f"expected 0 or more, got {value.temperature:g}.", path=child_path(path, "temperature"))
    if value.top_p is not None and not 0 < value.top_p <= 1:
        binder.fail(f"expected a number above 0 to 1, got {value.top_p:g}.", path=child_path(path, "top_p"))
    if isinstance(value.stop, list) and (not value.stop or "" in value.stop):
        binder.fail("expected at least one sequence, none of them empty.", path=child_path(path, "stop"))


def _check_variant(value: VariantConfig, path: str, binder: Binder) -> None:
    if (value.model is None) == (value.models is None):
        came = "neither" if value.model is None else "both"
        binder.fail(f"expected either model or models, got {came}.", path=path)
    if value.prompt is not None:
        try:
            parse_prompt_ref(value.prompt)
        except InvalidInput:
            binder.fail(
                f"expected a prompt like support/answer, support/answer@staging or support/answer@7, "
                f"got {shown(value.prompt)}.",
                path=child_path(path, "prompt"),
            )
    if value.models is not None and value.model is None:
        where = child_path(path, "models")
        if not value.models:
            binder.fail("expected at least one model.", path=where)
        if len(set(value.models)) < len(value.models):
            binder.fail("a model stands here twice.", path=where)


def _check_split(given: Mapping[str, float] | list[ChoiceConfig], path: str, binder: Binder) -> None:
    weights = [choice.weight for choice in given] if isinstance(given, list) else list(given.values())
    if not weights:
        binder.fail("expected at least one choice.", path=path)
    elif sum(weights) <= 0:
        binder.fail("the weights sum to 0, so nothing would ever be chosen.", path=path)


def _check_rules(rules: list[RuleConfig], path: str, binder: Binder) -> None:
    if len(rules) < 2 or rules[-1].else_ is None:
        binder.fail("expected rules with 'if' and 'use', and at the end one with 'else'.", path=path)
    for index, rule in enumerate(rules[:-1]):
        if rule.else_ is not None:
            binder.fail("'else' stands only in the last rule.", path=f"{path}[{index}]")


def _check_rule(value: RuleConfig, path: str, binder: Binder) -> None:
    is_rule = value.if_ is not None and value.use is not None and value.else_ is None
    is_last = value.if_ is None and value.use is None and value.else_ is not None
    if not is_rule and not is_last:
        binder.fail("expected 'if' with 'use', or 'else' alone.", path=path)
    if value.if_ is not None:
        problem = _condition_problem(value.if_)
        if problem is not None:
            binder.fail(f"expected a condition in CEL: {problem}", path=child_path(path, "if"))


def _condition_problem(text: str) -> str | None:
    from penstock.wire.conditions import ConditionError, compile_condition  # noqa: PLC0415 - loads the CEL library

    try:
        compile_condition(text)
    except ConditionError as error:
        return str(error)
    return None


def _check_strategy(value: StrategyConfig, path: str, binder: Binder) -> None:
    _exactly_one(value, path, binder)
    if value.weighted is not None:
        _check_split(value.weighted, child_path(path, "weighted"), binder)
    if value.fallback == []:
        binder.fail("expected at least one.", path=child_path(path, "fallback"))
    if value.conditional is not None:
        _check_rules(value.conditional, child_path(path, "conditional"), binder)


def _check_cohort(value: CohortConfig, path: str, binder: Binder) -> None:
    _check_split(value.split, child_path(path, "split"), binder)


def _check_cascade(value: CascadeConfig, path: str, binder: Binder) -> None:
    if len(value.steps) < 2:
        binder.fail("expected at least two steps.", path=child_path(path, "steps"))
    if not value.checks:
        binder.fail(
            "expected at least one check, or every first answer would be given.", path=child_path(path, "checks")
        )


def _check_answer_check(value: CheckConfig, path: str, binder: Binder) -> None:
    _exactly_one(value, path, binder)
    if isinstance(value.regex, str):
        _check_expression(value.regex, child_path(path, "regex"), binder)
    if value.json is False:
        binder.fail("expected true; a check that is not wanted is left out.", path=child_path(path, "json"))
    if value.json_schema is not None:
        where = child_path(path, "json_schema")
        problem = _schema_problem(value.json_schema)
        if problem is not None:
            binder.fail(f"expected a JSON Schema: {problem}.", path=where)
        remote = next(_remote_references(value.json_schema), None)
        if remote is not None:
            binder.fail(
                f"expected a schema that needs no other document, got a $ref to {shown(remote)}.",
                path=where,
                hint="Put what it refers to under $defs, and write #/$defs/NAME.",
            )


def _check_regex(value: RegexConfig, path: str, binder: Binder) -> None:
    _check_expression(value.pattern, child_path(path, "pattern"), binder)


def _check_expression(pattern: str, path: str, binder: Binder) -> None:
    problem = _expression_problem(pattern)
    if problem is not None:
        binder.fail(f"expected a regular expression (RE2): {problem}.", path=path)


def _expression_problem(pattern: str) -> str | None:
    import re2  # noqa: PLC0415 - needed by few files

    if len(pattern) > MAX_EXPRESSION:
        return f"it has {len(pattern)} characters, more than {MAX_EXPRESSION}"
    library = cast("Any", re2)  # it has no types
    options = library.Options()
    options.log_errors = False
    try:
        library.compile(pattern, options)
    except library.error as error:
        reason = error.args[0]
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return None


def _schema_problem(schema: dict[str, Any]) -> str | None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - loads slowly, and is needed by few files
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - as above

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.message} (at {error.json_path})"
    return None


def _remote_references(schema: Any) -> Iterator[str]:
    parts: Iterable[Any] = ()
    if isinstance(schema, dict):
        members = cast("dict[str, Any]", schema)
        reference = members.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield reference
        parts = members.values()
    elif isinstance(schema, list):
        parts = cast("list[Any]", schema)
    for part in parts:
        yield from _remote_references(part)


def _check_retries(value: RetriesConfig, path: str, binder: Binder) -> None:
    if value.base > value.cap:
        binder.fail("'base' is longer than 'cap', the longest wait.", path=child_path(path, "base"))


def _check_shape(value: RouteConfig, path: str, binder: Binder) -> None:
    if value.strategy is None and len(value.variants) != 1:
        binder.fail(
            f"'strategy' is missing here: only a route with one variant needs none, and this one has "
            f"{len(value.variants)}.",
            path=path,
        )
    for name in value.variants:
        if NAME.fullmatch(name) is None:
            binder.fail(
                f"expected a variant's name of letters, digits, '.', '_' and '-', got {shown(name)}.",
                path=child_path(child_path(path, "variants"), name),
            )


ROUTE_CHECKS: dict[type[msgspec.Struct], Callable[[Any, str, Binder], None]] = {
    ParametersConfig: _check_parameters,
    VariantConfig: _check_variant,
    StrategyConfig: _check_strategy,
    RuleConfig: _check_rule,
    CohortConfig: _check_cohort,
    CascadeConfig: _check_cascade,
    CheckConfig: _check_answer_check,
    RegexConfig: _check_regex,
    DegradationConfig: _exactly_one,
    RetriesConfig: _check_retries,
    RouteConfig: _check_shape,
}
"""Run on each struct as soon as it is bound."""


# --- names ------------------------------------------------------------------------------------


class Serving(Protocol):
    """A provider, as far as a name needs it: a section of the file, or the snapshot's record."""

    @property
    def any_model(self) -> bool: ...
    @property
    def models(self) -> Collection[str] | None: ...


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a route's names may refer to."""

    providers: Mapping[str, Serving | None]
    """By name; None for one that is wrong itself."""
    aliases: Container[str]
    routes: Container[str]
    """Names of all routes, this one included."""
    judges: Mapping[str, Iterable[str]]
    """The routes that judge for each other route."""


def target_problem(
    target: str, *, providers: Mapping[str, Serving | None], aliases: Container[str]
) -> tuple[str, str | None] | None:
    """What is wrong with `provider/model`, and a hint; None when nothing is."""
    name, slash, model = target.partition("/")
    if not slash or not name or not model:
        hint = "Models can stand here, aliases cannot." if target in aliases else nearest(target, providers)
        return f"expected provider/model, got {shown(target)}.", hint
    if name not in providers:
        known = f"Known: {', '.join(providers)}." if providers else "No provider is configured."
        return f"no provider is called {shown(name)}.", nearest(name, providers) or known
    provider = providers[name]
    if provider is not None and not provider.any_model and model not in (provider.models or ()):
        hint = nearest(model, provider.models or ())
        return f"the provider {name} does not list the model {shown(model)}.", hint
    return None


def check_route(name: str, item: Item, path: str, binder: Binder, around: Surroundings) -> None:
    """Every name in a route that has been bound at `path`, whatever else is wrong with it."""
    _Names(name, item, path, binder, around).check()


class _Names:
    def __init__(self, name: str, item: Item, path: str, binder: Binder, around: Surroundings) -> None:
        self._name = name
        self._item = item
        self._path = path
        self._binder = binder
        self._around = around
        self._variants = list(self._members("variants"))

    def check(self) -> None:
        for variant, item in self._members("variants").items():
            if isinstance(item.scalar, str) and item.scalar:
                self._model(item.scalar, child_path(child_path(self._path, "variants"), variant))
        strategy = (self._item.members or {}).get("strategy")
        if strategy is not None and isinstance(strategy.value.scalar, str) and strategy.value.scalar:
            self._use(strategy.value.scalar, child_path(self._path, "strategy"))
        for path, struct in self._bound():
            if isinstance(struct, VariantConfig):
                self._variant(struct, path)
            for where, used in _uses(struct, path):
                self._use(used, where)
            for where, judge in _judges(struct, path):
                self._judge(judge, where)

    def _members(self, section: str) -> dict[str, Item]:
        entry = (self._item.members or {}).get(section)
        members = entry.value.members if entry is not None else None
        return {name: member.value for name, member in (members or {}).items()}

    def _bound(self) -> list[tuple[str, msgspec.Struct]]:
        within = (f"{self._path}.", f"{self._path}[")
        return [
            (path, struct)
            for path, struct in self._binder.bound.items()
            if not self._path or path == self._path or path.startswith(within)
        ]

    def _variant(self, variant: VariantConfig, path: str) -> None:
        if variant.model is not None:
            self._model(variant.model, child_path(path, "model"))
        for index, model in enumerate(variant.models or ()):
            self._model(model, f"{child_path(path, 'models')}[{index}]")

    def _model(self, model: str, path: str) -> None:
        problem = target_problem(model, providers=self._around.providers, aliases=self._around.aliases)
        if problem is not None:
            self._binder.fail(problem[0], path=path, hint=problem[1])

    def _use(self, used: str, path: str) -> None:
        if used in self._variants:
            return
        if "/" in used:
            self._model(used, path)
        else:
            known = f"Known: {', '.join(self._variants)}." if self._variants else "This route has none."
            self._binder.fail(
                f"no variant of this route is called {shown(used)}.",
                path=path,
                hint=nearest(used, self._variants) or known,
            )

    def _judge(self, judge: str, path: str) -> None:
        if judge not in self._around.routes:
            if "/" in judge:
                self._model(judge, path)
            else:
                self._binder.fail(
                    f"no route is called {shown(judge)}.", path=path, hint="A judge is a route, or provider/model."
                )
        elif self._reaches(judge):
            self._binder.fail(f"the judge {shown(judge)} asks this route again, so a call would never end.", path=path)

    def _reaches(self, judge: str) -> bool:
        """Whether this route is among those that a judge asks, or that these ask."""
        seen: set[str] = set()
        waiting = [judge]
        while waiting:
            route = waiting.pop()
            if route == self._name:
                return True
            if route not in seen:
                seen.add(route)
                waiting.extend(self._around.judges.get(route, ()))
        return False


def _uses(struct: msgspec.Struct, path: str) -> Iterator[tuple[str, str]]:
    """Names of variants that stand directly in a struct, each with its place."""
    at = partial(child_path, path)
    places: list[tuple[str, object]] = []
    match struct:
        case StrategyConfig(weighted=weighted, fallback=fallback):
            places = [(f"{at('fallback')}[{index}]", part) for index, part in enumerate(fallback or ())]
            if isinstance(weighted, dict):
                places += [(child_path(at("weighted"), name), name) for name in weighted]
        case CohortConfig(split=dict() as split):
            places = [(child_path(at("split"), name), name) for name in split]
        case RuleConfig():
            places = [(at("use"), struct.use), (at("else"), struct.else_)]
        case ShadowConfig():
            places = [(at("use"), struct.use), (at("to"), struct.to)]
        case CascadeConfig():
            places = [(f"{at('steps')}[{index}]", step) for index, step in enumerate(struct.steps)]
        case HedgeConfig():
            places = [(at("use"), struct.use), (at("backup"), struct.backup)]
        case ChoiceConfig() | DegradationConfig():
            places = [(at("use"), struct.use)]
        case _:
            pass
    yield from ((where, name) for where, name in places if isinstance(name, str))


def _judges(struct: msgspec.Struct, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(struct, CheckConfig) and isinstance(struct.judge, str):
        yield child_path(path, "judge"), struct.judge
    elif isinstance(struct, JudgeConfig):
        yield child_path(path, "route"), struct.route


def judges_within(binder: Binder, path: str) -> list[str]:
    """The judges of the route that has been bound at `path`."""
    return [
        judge
        for where, struct in binder.bound.items()
        if where.startswith(f"{path}.")
        for _, judge in _judges(struct, where)
    ]
