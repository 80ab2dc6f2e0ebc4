"""Routes as the snapshot carries them: variants, and the strategy that chooses among them."""

from typing import Any, Literal

import msgspec

__all__ = [
    "Breaker",
    "CachePolicy",
    "Cascade",
    "Check",
    "Choice",
    "Cohort",
    "Conditional",
    "Degradation",
    "Fallback",
    "Hedge",
    "JsonSchemaCheck",
    "JudgeCheck",
    "LogprobCheck",
    "OnBudget",
    "Parameters",
    "PromptUse",
    "RegexCheck",
    "Retries",
    "RouteEntry",
    "Rule",
    "Shadow",
    "Sticky",
    "Strategy",
    "Use",
    "ValidJsonCheck",
    "Variant",
    "Weighted",
    "variants_of",
]


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Request parameters a variant sets, over what the caller sent. None leaves the caller's."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    """A ceiling: a caller's smaller value stays."""
    stop: tuple[str, ...] | None = None
    seed: int | None = None


class PromptUse(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of a prompt a variant serves."""

    reference: str
    """As it was written: `support/answer@production`."""
    name: str = ""
    version: int = 0
    """The one that the reference stood for when the snapshot was compiled; 0 before."""
    digest: str = ""
    key: str = ""
    """Where the snapshot holds it."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a route may serve: a model, at one provider or at several that are equal to each other."""

    name: str
    models: tuple[str, ...]
    """`provider/model`; several are replicas, balanced by load and latency."""
    parameters: Parameters = Parameters()
    prompt: PromptUse | None = None


# A strategy is a tree; its leaves are variants.


class Use(msgspec.Struct, frozen=True, kw_only=True, tag="use"):
    """A leaf: this variant."""

    variant: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    weight: float
    """Any positive number; shares are weights divided by their sum. 0 is never chosen."""
    use: "Strategy"


class Weighted(msgspec.Struct, frozen=True, kw_only=True, tag="weighted"):
    """Each call by itself, at random by weight."""

    choices: tuple[Choice, ...]


class Fallback(msgspec.Struct, frozen=True, kw_only=True, tag="fallback"):
    """In order, until one starts to answer."""

    of: "tuple[Strategy, ...]"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    when: str
    """A CEL expression that gives a boolean."""
    use: "Strategy"


class Conditional(msgspec.Struct, frozen=True, kw_only=True, tag="conditional"):
    """The first rule that is true."""

    rules: tuple[Rule, ...]
    otherwise: "Strategy"


class Cohort(msgspec.Struct, frozen=True, kw_only=True, tag="cohort"):
    """By a hash of who calls: the same caller always gets the same choice while the weights stay."""

    by: str
    """`session`, `user`, `key`, `header:NAME` or `tag:NAME`. A call without it is chosen at random."""
    salt: str = ""
    """Two cohorts with the same salt cut the same callers; the compiler sets the route's name."""
    choices: tuple[Choice, ...]


class Sticky(msgspec.Struct, frozen=True, kw_only=True, tag="sticky"):
    """As `Cohort`, but a caller moves on to its own next choice while the first one is out of health."""

    by: str
    salt: str = ""
    choices: tuple[Choice, ...]


class Shadow(msgspec.Struct, frozen=True, kw_only=True, tag="shadow"):
    """Serves `use`; sends a copy of a sample to `to`, whose answer is recorded and never given out."""

    use: "Strategy"
    to: "Strategy"
    sample: float
    """0 to 1."""


class LogprobCheck(msgspec.Struct, frozen=True, kw_only=True, tag="logprob"):
    """The mean log-probability of the answer's tokens is at least this."""

    at_least: float


class RegexCheck(msgspec.Struct, frozen=True, kw_only=True, tag="regex"):
    """The answer's text holds a match (RE2)."""

    pattern: str
    negate: bool = False
    """True: it must hold none."""


class ValidJsonCheck(msgspec.Struct, frozen=True, kw_only=True, tag="json"):
    """The answer's text is JSON (a code fence around it is allowed)."""


class JsonSchemaCheck(msgspec.Struct, frozen=True, kw_only=True, tag="json_schema"):
    """The answer's text is JSON that this schema (2020-12) accepts."""

    schema: dict[str, Any]


class JudgeCheck(msgspec.Struct, frozen=True, kw_only=True, tag="judge"):
    """Another route says whether the answer will do."""

    route: str
    """A route or `provider/model`."""
    question: str = "Does the answer fully and correctly do what the request asks?"
    """Put to the judge with the request and the answer; it must say yes or no."""


Check = LogprobCheck | RegexCheck | ValidJsonCheck | JsonSchemaCheck | JudgeCheck


class Cascade(msgspec.Struct, frozen=True, kw_only=True, tag="cascade"):
    """Cheap first: the next step answers when a check of this one's answer fails, or the step itself does.

    The last step's answer is given unchecked.
    """

    steps: "tuple[Strategy, ...]"
    checks: tuple[Check, ...]
    """All must hold."""


class Hedge(msgspec.Struct, frozen=True, kw_only=True, tag="hedge"):
    """Starts a second attempt when the first is slow; the first to give content wins, the other is cancelled."""

    use: "Strategy"
    backup: "Strategy"
    after: float | None = None
    """Seconds; None: the p95 of `use`'s recent times to first content."""
    at_least: float = 0.1
    """Never sooner than this, seconds."""


Strategy = Use | Weighted | Fallback | Conditional | Cohort | Sticky | Shadow | Cascade | Hedge


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """Again at the same variant, for errors that may pass, before content."""

    attempts: int = 1
    """Retries per variant and call at most; 0 for none."""
    budget: float = 0.2
    """Retries may be at most this share of calls (per worker and route), so that they never become a storm."""
    base: float = 0.1
    """Seconds; the n-th wait is random in 0 … base x 2ⁿ (full jitter), at least what `Retry-After` says."""
    cap: float = 5.0
    """Longest wait, seconds. A `Retry-After` beyond it is not waited for: the target counts as out instead."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When a target is taken out of service, and when it is tried again."""

    error_rate: float = 0.5
    """Share of failed attempts in the window."""
    slow_rate: float = 0.9
    """Share of attempts slower than `slow_after` in the window."""
    slow_after: float | None = None
    """Seconds to first content; None: slowness never opens the breaker."""
    minimum: int = 10
    """Attempts in the window before it is judged at all."""
    window: float = 30.0
    open_for: float = 10.0
    """Seconds until probes; doubled each time they fail, up to `open_for_at_most`."""
    open_for_at_most: float = 60.0
    probes: int = 3
    """Successes in a row that close it again."""
    ramp: float = 30.0
    """Seconds over which its share of the load grows back to full after that."""


class CachePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The exact cache of one route."""

    ttl: float
    """Seconds."""
    scope: Literal["project", "key", "user"] = "project"
    """Who shares an entry. Never wider than a project."""


class Degradation(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a call that a budget would not let through. Exactly one member is set; none refuses."""

    use: Strategy | None = None
    """A cheaper variant. What it costs still counts."""
    max_output_tokens: int | None = None
    """The route's own strategy with a shorter answer. What it costs still counts."""
    answer: str | None = None
    """This text, in the caller's dialect, at no cost."""


class OnBudget(msgspec.Struct, frozen=True, kw_only=True):
    soft: Degradation = Degradation()
    """From the soft limit on; the default changes nothing but headers and alerts."""
    hard: Degradation = Degradation()
    """At the hard limit; the default refuses."""


class RouteEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The name an application calls, and what stands behind it."""

    name: str
    project: str | None = None
    """Project id; None: every project."""
    source: Literal["file", "api"] = "file"
    """Where it was written: the configuration file, or the control API."""
    version: str = ""
    """BLAKE2b-64, hex, of everything that alters an answer; part of a cache fingerprint and of each record."""
    variants: dict[str, Variant]
    strategy: Strategy
    retries: Retries = Retries()
    cache: CachePolicy | None = None
    on_budget: OnBudget = OnBudget()


def variants_of(strategy: Strategy) -> list[str]:
    """The variants a strategy may serve or copy to, in the order they stand, each once."""
    match strategy:
        case Use(variant=name):
            return [name]
        case Weighted(choices=choices) | Cohort(choices=choices) | Sticky(choices=choices):
            parts = [choice.use for choice in choices]
        case Fallback(of=of):
            parts = list(of)
        case Conditional(rules=rules, otherwise=otherwise):
            parts = [*(rule.use for rule in rules), otherwise]
        case Shadow(use=use, to=to):
            parts = [use, to]
        case Cascade(steps=steps):
            parts = list(steps)
        case Hedge(use=use, backup=backup):
            parts = [use, backup]
    return list(dict.fromkeys(name for part in parts for name in variants_of(part)))
