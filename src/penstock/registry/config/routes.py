"""A route of the file in the terms of the snapshot, and back."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, assert_never

import msgspec

from penstock.registry.config.bind import fields_of
from penstock.registry.config.forms import written
from penstock.registry.config.route_types import (
    CacheConfig,
    CheckConfig,
    ChoiceConfig,
    CohortConfig,
    DegradationConfig,
    HedgeConfig,
    LogprobConfig,
    Node,
    ParametersConfig,
    RetriesConfig,
    RouteConfig,
    ShadowConfig,
    StrategyConfig,
    VariantConfig,
)
from penstock.wire.routing import (
    CachePolicy,
    Cascade,
    Check,
    Choice,
    Cohort,
    Conditional,
    Degradation,
    Fallback,
    Hedge,
    JsonSchemaCheck,
    JudgeCheck,
    LogprobCheck,
    OnBudget,
    Parameters,
    PromptUse,
    RegexCheck,
    Retries,
    RouteEntry,
    Rule,
    Shadow,
    Sticky,
    Strategy,
    Use,
    ValidJsonCheck,
    Variant,
    Weighted,
)

__all__ = ["content_version", "judges_of", "route_document", "route_entry", "section"]

T = TypeVar("T")


def route_entry(name: str, config: RouteConfig) -> RouteEntry:
    """A checked route as the gateway reads it; its project is still as it was written."""
    compiler = _Compiler(name, {each: _variant(each, said) for each, said in config.variants.items()})
    strategy = Use(variant=next(iter(config.variants))) if config.strategy is None else compiler.node(config.strategy)
    hard = config.on_budget.hard
    on_budget = OnBudget(
        soft=compiler.degradation(config.on_budget.soft),
        hard=Degradation() if isinstance(hard, str) else compiler.degradation(hard),
    )
    entry = RouteEntry(
        name=name,
        project=config.project,
        variants=compiler.variants,
        strategy=strategy,
        retries=msgspec.convert(config.retries, Retries, from_attributes=True),
        cache=msgspec.convert(config.cache, CachePolicy, from_attributes=True) if config.cache else None,
        on_budget=on_budget,
    )
    return msgspec.structs.replace(entry, version=content_version(entry))


def content_version(entry: RouteEntry) -> str:
    """BLAKE2b-64, hex, of what alters an answer: the name, variants, strategy, and what a spent budget changes."""
    variants = {name: _content(variant) for name, variant in entry.variants.items()}
    content = (entry.name, variants, entry.strategy, entry.on_budget)
    return hashlib.blake2b(msgspec.json.encode(content, order="deterministic"), digest_size=8).hexdigest()


class _Content(msgspec.Struct, kw_only=True):
    """Of a variant, what alters an answer. Its order is part of every version."""

    name: str
    models: tuple[str, ...]
    parameters: Parameters


class _PromptedContent(_Content, kw_only=True):
    prompt: str


def _content(variant: Variant) -> _Content:
    use = variant.prompt
    if use is None:
        return _Content(name=variant.name, models=variant.models, parameters=variant.parameters)
    # How a prompt is named alters nothing, once it is known which version is meant.
    prompt = use.key or use.reference
    return _PromptedContent(name=variant.name, models=variant.models, parameters=variant.parameters, prompt=prompt)


def _variant(name: str, said: VariantConfig | str) -> Variant:
    if isinstance(said, str):
        return Variant(name=name, models=(said,))
    models = (said.model,) if said.model is not None else tuple(said.models or ())
    parameters = said.parameters
    stop = (parameters.stop,) if isinstance(parameters.stop, str) else parameters.stop
    return Variant(
        name=name,
        models=models,
        parameters=Parameters(
            temperature=parameters.temperature,
            top_p=parameters.top_p,
            max_output_tokens=parameters.max_output_tokens,
            stop=None if stop is None else tuple(stop),
            seed=parameters.seed,
        ),
        prompt=None if said.prompt is None else PromptUse(reference=said.prompt),
    )


@dataclass
class _Compiler:
    """One route. A model that stands where a variant could becomes a variant of that name."""

    route: str
    variants: dict[str, Variant] = field(default_factory=dict[str, Variant])

    def node(self, node: Node) -> Strategy:
        if isinstance(node, str):
            self.variants.setdefault(node, Variant(name=node, models=(node,)))
            return Use(variant=node)
        if node.weighted is not None:
            return Weighted(choices=self.choices(node.weighted))
        if node.fallback is not None:
            return Fallback(of=tuple(self.node(part) for part in node.fallback))
        if node.conditional is not None:
            *rules, last = node.conditional
            return Conditional(
                rules=tuple(Rule(when=rule.if_ or "", use=self.node(_given(rule.use))) for rule in rules),
                otherwise=self.node(_given(last.else_)),
            )
        return self.other(node)

    def other(self, node: StrategyConfig) -> Strategy:
        if node.cohort is not None:
            return Cohort(by=node.cohort.by, salt=self.salt(node.cohort), choices=self.choices(node.cohort.split))
        if node.sticky is not None:
            return Sticky(by=node.sticky.by, salt=self.salt(node.sticky), choices=self.choices(node.sticky.split))
        if node.shadow is not None:
            shadow = node.shadow
            return Shadow(use=self.node(shadow.use), to=self.node(shadow.to), sample=shadow.sample)
        if node.cascade is not None:
            steps = tuple(self.node(step) for step in node.cascade.steps)
            return Cascade(steps=steps, checks=tuple(_check(check) for check in node.cascade.checks))
        hedge = _given(node.hedge)
        return Hedge(
            use=self.node(hedge.use), backup=self.node(hedge.backup), after=hedge.after, at_least=hedge.at_least
        )

    def salt(self, cohort: CohortConfig) -> str:
        return self.route if cohort.salt is None else cohort.salt

    def choices(self, given: Mapping[str, float] | list[ChoiceConfig]) -> tuple[Choice, ...]:
        if isinstance(given, list):
            return tuple(Choice(weight=choice.weight, use=self.node(choice.use)) for choice in given)
        return tuple(Choice(weight=weight, use=self.node(name)) for name, weight in given.items())

    def degradation(self, given: DegradationConfig | None) -> Degradation:
        if given is None:
            return Degradation()
        return Degradation(
            use=None if given.use is None else self.node(given.use),
            max_output_tokens=given.max_output_tokens,
            answer=given.answer,
        )


def _given(value: T | None) -> T:
    assert value is not None, "the checks have seen to it"  # noqa: S101 - as it says
    return value


def _check(check: CheckConfig) -> Check:
    if check.logprob is not None:
        return LogprobCheck(at_least=check.logprob.at_least)
    if check.regex is not None:
        if isinstance(check.regex, str):
            return RegexCheck(pattern=check.regex)
        return RegexCheck(pattern=check.regex.pattern, negate=check.regex.negate)
    if check.json is not None:
        return ValidJsonCheck()
    if check.json_schema is not None:
        return JsonSchemaCheck(schema=check.json_schema)
    judge = _given(check.judge)
    return JudgeCheck(route=judge) if isinstance(judge, str) else JudgeCheck(route=judge.route, question=judge.question)


# --- and back ---------------------------------------------------------------------------------


def route_document(entry: RouteEntry) -> dict[str, Any]:
    """What a file would say of the route, defaults left out. Loaded again it is the same route."""
    hard = _degradation_document(entry.on_budget.hard)
    on_budget = {
        **({"soft": soft} if (soft := _degradation_document(entry.on_budget.soft)) else {}),
        **({"hard": hard} if hard else {}),
    }
    return {
        **({"project": entry.project} if entry.project is not None else {}),
        # A variant that stands for a model by the model's name comes from the strategy itself.
        "variants": {name: _variant_document(variant) for name, variant in entry.variants.items() if "/" not in name},
        "strategy": _strategy_document(entry.strategy),
        **({"retries": retries} if (retries := section(entry.retries, RetriesConfig)) else {}),
        **({"cache": {**section(entry.cache, CacheConfig)}} if entry.cache is not None else {}),
        **({"on_budget": on_budget} if on_budget else {}),
    }


def section(entry: msgspec.Struct, struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The members that a record shares with a section of the file, as they are written; defaults are left out."""
    values = {
        name: (hint, getattr(entry, member.name))
        for name, (hint, member) in fields_of(struct).items()
        if member.required or getattr(entry, member.name) != member.default
    }
    return {name: written(hint, msgspec.to_builtins(value)) for name, (hint, value) in values.items()}


def _variant_document(variant: Variant) -> Any:
    parameters = section(variant.parameters, ParametersConfig)
    more = {
        **({"parameters": parameters} if parameters else {}),
        **({"prompt": variant.prompt.reference} if variant.prompt is not None else {}),
    }
    if len(variant.models) == 1:
        return {"model": variant.models[0], **more} if more else variant.models[0]
    return {"models": list(variant.models), **more}


def _strategy_document(strategy: Strategy) -> Any:  # noqa: PLR0911 - one for each member of the union
    match strategy:
        case Use(variant=name):
            return name
        case Weighted(choices=choices):
            return {"weighted": _choices_document(choices)}
        case Fallback(of=of):
            return {"fallback": [_strategy_document(part) for part in of]}
        case Conditional(rules=rules, otherwise=otherwise):
            said = [{"if": rule.when, "use": _strategy_document(rule.use)} for rule in rules]
            return {"conditional": [*said, {"else": _strategy_document(otherwise)}]}
        case Cohort():
            return {"cohort": _cohort_document(strategy)}
        case Sticky():
            return {"sticky": _cohort_document(strategy)}
        case Shadow(use=use, to=to):
            parts = {"use": _strategy_document(use), "to": _strategy_document(to)}
            return {"shadow": {**parts, **_scalars(strategy, ShadowConfig, without=parts)}}
        case Cascade(steps=steps, checks=checks):
            return {
                "cascade": {
                    "steps": [_strategy_document(step) for step in steps],
                    "checks": [_check_document(check) for check in checks],
                }
            }
        case Hedge(use=use, backup=backup):
            parts = {"use": _strategy_document(use), "backup": _strategy_document(backup)}
            return {"hedge": {**parts, **_scalars(strategy, HedgeConfig, without=parts)}}
    assert_never(strategy)


def _scalars(strategy: msgspec.Struct, struct: type[msgspec.Struct], *, without: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section(strategy, struct).items() if name not in without}


def _cohort_document(cohort: Cohort | Sticky) -> dict[str, Any]:
    return {"by": cohort.by, "split": _choices_document(cohort.choices), "salt": cohort.salt}


def _choices_document(choices: tuple[Choice, ...]) -> Any:
    leaves = [choice.use.variant for choice in choices if isinstance(choice.use, Use)]
    if len(set(leaves)) == len(choices):
        return {name: _weight(choice.weight) for name, choice in zip(leaves, choices, strict=True)}
    return [{"weight": _weight(choice.weight), "use": _strategy_document(choice.use)} for choice in choices]


def _weight(weight: float) -> float:
    return int(weight) if weight.is_integer() else weight


def _check_document(check: Check) -> dict[str, Any]:
    match check:
        case LogprobCheck():
            return {"logprob": section(check, LogprobConfig)}
        case RegexCheck(pattern=pattern, negate=negate):
            return {"regex": {"pattern": pattern, "negate": True} if negate else pattern}
        case ValidJsonCheck():
            return {"json": True}
        case JsonSchemaCheck(schema=schema):
            return {"json_schema": schema}
        case JudgeCheck(route=route, question=question):
            return {"judge": {"route": route, "question": question}}
    assert_never(check)


def _degradation_document(given: Degradation) -> dict[str, Any]:
    if given.use is not None:
        return {"use": _strategy_document(given.use)}
    if given.max_output_tokens is not None:
        return {"max_output_tokens": given.max_output_tokens}
    return {} if given.answer is None else {"answer": given.answer}


def judges_of(strategy: Strategy) -> list[str]:
    """What the checks of a strategy ask as their judge, each once."""
    return list(dict.fromkeys(_judges(strategy)))


def _judges(strategy: Strategy) -> Iterator[str]:
    parts: list[Strategy] = []
    match strategy:
        case Use():
            pass
        case Weighted(choices=choices) | Cohort(choices=choices) | Sticky(choices=choices):
            parts = [choice.use for choice in choices]
        case Fallback(of=of):
            parts = [*of]
        case Conditional(rules=rules, otherwise=otherwise):
            parts = [*(rule.use for rule in rules), otherwise]
        case Shadow(use=use, to=to):
            parts = [use, to]
        case Cascade(steps=steps, checks=checks):
            parts = [*steps]
            yield from (check.route for check in checks if isinstance(check, JudgeCheck))
        case Hedge(use=use, backup=backup):
            parts = [use, backup]
    for part in parts:
        yield from _judges(part)
