"""The types of the section `routes`. The reference page and the JSON Schema are generated from this module."""

from typing import Any, Literal

import msgspec

from penstock.registry.config.forms import Duration
from penstock.registry.config.quantities import CohortKey, Count, HedgeDelay, Number, Share, Weight, Whole
from penstock.wire.routing import Hedge, JudgeCheck, Retries, Use

__all__ = [
    "CacheConfig",
    "CascadeConfig",
    "CheckConfig",
    "ChoiceConfig",
    "CohortConfig",
    "DegradationConfig",
    "HedgeConfig",
    "JudgeConfig",
    "LogprobConfig",
    "Node",
    "OnBudgetConfig",
    "ParametersConfig",
    "RegexConfig",
    "RetriesConfig",
    "RouteConfig",
    "RuleConfig",
    "ShadowConfig",
    "StrategyConfig",
    "VariantConfig",
]

_RETRIES = Retries()
_HEDGE = Hedge(use=Use(variant=""), backup=Use(variant=""))
_JUDGE = JudgeCheck(route="")


class ParametersConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Request parameters that a variant sets, over what the caller sent."""

    temperature: Number | None = None
    """Sampling temperature."""
    top_p: Number | None = None
    """Nucleus sampling, above 0 to 1."""
    max_output_tokens: Count | None = None
    """A ceiling: a caller's smaller value stays."""
    stop: str | list[str] | None = None
    """A sequence that ends the answer, or several."""
    seed: int | None = None
    """For providers that sample reproducibly."""


class VariantConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a route may serve. It has `model` or `models`."""

    model: str | None = None
    """`provider/model`."""
    models: list[str] | None = None
    """Replicas: several `provider/model` that are equal to each other, balanced by load and latency."""
    parameters: ParametersConfig = ParametersConfig()
    """Request parameters that it sets."""
    prompt: str | None = None
    """A stored prompt that gives its messages: `name`, which is `name@production`, `name@label`, `name@7` or
    `name@sha256:…`. A route for all projects may name the prompt's project before it: `project:name@label`."""


class ChoiceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of a list with weights."""

    weight: Weight
    """Its share is its weight divided by the sum of all; 0 is never chosen."""
    use: "str | StrategyConfig"
    """A variant's name, `provider/model`, or a strategy."""


class RuleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of `conditional`: `if` with `use`, or at the end `else`."""

    if_: str | None = msgspec.field(default=None, name="if")
    """A CEL expression that gives true or false."""
    use: "str | StrategyConfig | None" = None
    """What serves when it is true: a variant's name, `provider/model`, or a strategy."""
    else_: "str | StrategyConfig | None" = msgspec.field(default=None, name="else")
    """What serves when no rule was true; the last of the list, and required."""


class CohortConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A split by who calls: the same caller always gets the same choice while the weights stay."""

    by: CohortKey
    """What tells callers apart. A call without it is chosen at random."""
    split: dict[str, Weight] | list[ChoiceConfig]
    """The choices: a mapping of variants to weights, or a list of `{weight, use}`."""
    salt: str | None = None
    """Two splits with the same salt cut the same callers; the route's name when left out."""


class ShadowConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of a sample of the traffic, never on the caller's path."""

    use: "str | StrategyConfig"
    """What answers the caller."""
    to: "str | StrategyConfig"
    """What gets the copy. Its answer is recorded and never given out."""
    sample: Share = 1.0
    """How much of the traffic is copied."""


class LogprobConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A bound on how sure the model was."""

    at_least: Number
    """The least mean log-probability of the answer's tokens; 0 is certain, -1 is unsure."""


class RegexConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A regular expression (RE2) that the answer's text is searched for."""

    pattern: str
    """The expression."""
    negate: bool = False
    """`true`: the text must hold no match."""


class JudgeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Another model that says whether the answer will do."""

    route: str
    """A route, or `provider/model`."""
    question: str = _JUDGE.question
    """Put to it with the request and the answer; it must say yes or no."""


class CheckConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One check of an answer. It has exactly one of these."""

    logprob: LogprobConfig | None = None
    """How sure the model was. For models that report log-probabilities."""
    regex: str | RegexConfig | None = None
    """The answer's text holds a match of this expression (RE2)."""
    json: bool | None = None
    """`true`: the answer's text is JSON; a code fence around it is allowed."""
    json_schema: dict[str, Any] | None = None
    """The answer's text is JSON that this JSON Schema (2020-12) accepts."""
    judge: str | JudgeConfig | None = None
    """A route, or `provider/model`, says that the answer will do."""


class CascadeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Cheap first; the next step answers when a check of this one's answer fails, or the step itself does."""

    steps: "list[str | StrategyConfig]"
    """Two or more, the cheapest first. The last one's answer is given unchecked."""
    checks: list[CheckConfig]
    """All must hold."""


class HedgeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A second attempt when the first is slow; the first to give content wins, the other is cancelled."""

    use: "str | StrategyConfig"
    """What is tried at once."""
    backup: "str | StrategyConfig"
    """What is tried beside it."""
    after: HedgeDelay = _HEDGE.after
    """When: `p95` of the recent times to first content of `use`, or a duration."""
    at_least: Duration = _HEDGE.at_least
    """Never sooner than this."""


class StrategyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a route chooses. It has exactly one of these; each part may be a variant's name, `provider/model`, or a
    strategy again.
    """

    weighted: dict[str, Weight] | list[ChoiceConfig] | None = None
    """Each call by itself, at random: a mapping of variants to weights, or a list of `{weight, use}`."""
    fallback: "list[str | StrategyConfig] | None" = None
    """In order, until one starts to answer."""
    conditional: list[RuleConfig] | None = None
    """The first rule that is true; the last of the list is `else`."""
    cohort: CohortConfig | None = None
    """By a hash of who calls."""
    sticky: CohortConfig | None = None
    """As `cohort`, but a caller moves on to its own next choice while the first is out of health."""
    shadow: ShadowConfig | None = None
    """A copy of a sample of the traffic to another variant."""
    cascade: CascadeConfig | None = None
    """Cheap first, a better one when a check fails."""
    hedge: HedgeConfig | None = None
    """A second attempt when the first is slow."""


Node = str | StrategyConfig
"""A place of a strategy as it is written."""


class RetriesConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Again at the same variant, for errors that may pass, before the first content."""

    attempts: Whole = _RETRIES.attempts
    """Retries per variant and call at most; 0 for none."""
    budget: Share = _RETRIES.budget
    """Retries may be at most this share of calls, per worker and route, so that they never become a storm."""
    base: Duration = _RETRIES.base
    """The n-th wait is random between 0 and `base` times 2 to the n, at least what `Retry-After` says."""
    cap: Duration = _RETRIES.cap
    """The longest wait. A longer `Retry-After` takes the target out for that time instead."""


class CacheConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The exact cache of a route."""

    ttl: Duration
    """How long an answer may be given again."""
    scope: Literal["project", "key", "user"] = "project"
    """Who shares it. Never wider than a project."""


class DegradationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a call that a budget would not let through. It has exactly one of these."""

    use: "str | StrategyConfig | None" = None
    """A cheaper variant, `provider/model`, or a strategy. What it costs still counts."""
    max_output_tokens: Count | None = None
    """The route's own strategy with a shorter answer. What it costs still counts."""
    answer: str | None = None
    """This text, at no cost."""


class OnBudgetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a route does when a budget is spent."""

    soft: DegradationConfig | None = None
    """From the soft limit on; left out, nothing changes but headers and alerts."""
    hard: Literal["refuse"] | DegradationConfig = "refuse"
    """At the hard limit."""


class RouteConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A name that applications call as their model, and what stands behind it."""

    project: str | None = None
    """Name or id of the project that it is for; all projects when left out."""
    variants: dict[str, VariantConfig | str] = {}
    """What it may serve, by name: `provider/model`, or more about it."""
    strategy: "str | StrategyConfig | None" = None
    """How it chooses. May be left out with one variant."""
    retries: RetriesConfig = RetriesConfig()
    """When a variant is tried again."""
    cache: CacheConfig | None = None
    """The exact cache; off when left out."""
    on_budget: OnBudgetConfig = OnBudgetConfig()
    """What becomes of calls when a budget is spent."""
