"""What a model name stands for, ready to run: a route's strategy with its targets, conditions and weights compiled."""

from collections.abc import Callable
from random import Random

import msgspec

from penstock.core.errors import UpstreamError
from penstock.gateway.prompts import ServedPrompt
from penstock.gateway.routing.checks import CompiledCheck, compile_check
from penstock.gateway.routing.choose import Rendezvous, Weights, caller_by
from penstock.gateway.routing.health import TargetHealth
from penstock.gateway.routing.keys import KeyRing
from penstock.providers.types import Target
from penstock.wire.conditions import Condition, Facts, compile_condition
from penstock.wire.routing import (
    Cascade,
    Cohort,
    Conditional,
    Fallback,
    Hedge,
    JudgeCheck,
    LogprobCheck,
    Parameters,
    PromptUse,
    Retries,
    RouteEntry,
    Shadow,
    Sticky,
    Strategy,
    Use,
    Variant,
    Weighted,
)

__all__ = [
    "Leaf",
    "Node",
    "OneOf",
    "Ordered",
    "Plan",
    "Race",
    "Rules",
    "Spot",
    "Steps",
    "WithCopy",
    "compile_route",
    "in_service",
    "leaf_of",
    "leaves_of",
    "settled",
]


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One model at one provider, with everything an attempt needs."""

    targets: tuple[Target, ...]
    """The same but for the secret: one for each of the provider's keys."""
    health: TargetHealth
    ring: KeyRing | None = None
    """Chooses among `targets`; None when there is one."""

    @property
    def target(self) -> Target:
        return self.targets[0]


FindSpot = Callable[[str], Spot]
"""`provider/model` → spot. Raises `NotFound` or `UpstreamError`."""
FindPrompt = Callable[[PromptUse], ServedPrompt]
"""Raises `InvalidInput`."""


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A variant: a model at one provider, or at several that are equal."""

    name: str
    spots: tuple[Spot, ...]
    health: tuple[TargetHealth, ...]
    """Of each spot."""
    parameters: Parameters = Parameters()
    prompt: ServedPrompt | None = None
    unusable: Callable[[], UpstreamError] | None = None
    """Makes the error of a variant that no attempt can be made at; then it has no spots."""


class OneOf(msgspec.Struct, frozen=True, kw_only=True):
    """One child: by weight, or always the same for the same caller."""

    of: "tuple[Node, ...]"
    weights: Weights
    rendezvous: Rendezvous | None = None
    caller: Callable[[Facts], str] | None = None


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """Children in order, until one starts to answer. With a `rendezvous`, in the caller's own order."""

    of: "tuple[Node, ...]"
    weights: Weights | None = None
    rendezvous: Rendezvous | None = None
    caller: Callable[[Facts], str] | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    rules: "tuple[tuple[Condition, Node], ...]"
    otherwise: "Node"


class WithCopy(msgspec.Struct, frozen=True, kw_only=True):
    use: "Node"
    to: "Node"
    sample: float


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """Cheap first. The last step's answer is given unchecked."""

    steps: "tuple[Node, ...]"
    checks: tuple[CompiledCheck, ...]
    judges: tuple[JudgeCheck, ...] = ()
    logprobs: bool = False
    """The checks need log-probabilities, asked for or not."""


class Race(msgspec.Struct, frozen=True, kw_only=True):
    use: "Node"
    backup: "Node"
    after: float | None
    at_least: float


Node = Leaf | OneOf | Ordered | Rules | WithCopy | Steps | Race


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a model name stands for."""

    name: str
    """As the caller wrote it."""
    root: Node
    leaves: tuple[Leaf, ...]
    """All that may be asked, each once, the likely first one first."""
    retries: Retries
    route: RouteEntry | None = None
    prompted: bool = False
    """A variant serves a prompt, so the caller's `variables` are Penstock's."""
    alias: str | None = None
    """Name of the route or alias; None for a model called by its own name."""
    soft: Node | None = None
    """What serves a call once a soft budget is over."""
    hard: Node | None = None
    """What serves a call that a hard budget refuses."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(spot.target for leaf in self.leaves for spot in leaf.spots)

    @property
    def reachable(self) -> tuple[Target, ...]:
        """All that may serve a call, with a spent budget too; some perhaps twice."""
        leaves = [leaf for node in (self.soft, self.hard) if node is not None for leaf in leaves_of(node)]
        return (*self.targets, *(spot.target for leaf in leaves for spot in leaf.spots))


def leaf_of(spot: Spot) -> Leaf:
    """A model called by its own name."""
    return Leaf(name=spot.health.target, spots=(spot,), health=(spot.health,))


def compile_route(entry: RouteEntry, find: FindSpot, *, prompt: FindPrompt) -> Plan:
    """Make a route ready. A variant whose provider has no secret fails when it is asked, and the others serve.

    Raises:
        NotFound: a variant names a model that does not exist.
        UpstreamError: `provider_secret_missing`, of all variants.
        InvalidInput: a prompt cannot be rendered by this gateway.
        ConditionError: an expression that cannot be compiled.
    """
    leaves = {name: _leaf(variant, find, prompt) for name, variant in entry.variants.items()}
    compiler = _Compiler(entry.name, leaves)
    root = compiler.node(entry.strategy)
    serving = leaves_of(root)
    unusable = [leaf.unusable for leaf in serving if leaf.unusable is not None]
    if len(unusable) == len(serving):
        error = unusable[0]()
        raise error
    on_budget = entry.on_budget
    return Plan(
        name=entry.name,
        root=root,
        leaves=serving,
        retries=entry.retries,
        route=entry,
        prompted=any(variant.prompt is not None for variant in entry.variants.values()),
        alias=entry.name,
        soft=None if on_budget.soft.use is None else compiler.node(on_budget.soft.use),
        hard=None if on_budget.hard.use is None else compiler.node(on_budget.hard.use),
    )


def _leaf(variant: Variant, find: FindSpot, prompt: FindPrompt) -> Leaf:
    spots: list[Spot] = []
    missing: UpstreamError | None = None
    for model in variant.models:
        try:
            spots.append(find(model))
        except UpstreamError as error:
            missing = error
    return Leaf(
        name=variant.name,
        spots=tuple(spots),
        health=tuple(spot.health for spot in spots),
        parameters=variant.parameters,
        prompt=None if variant.prompt is None else prompt(variant.prompt),
        unusable=None if missing is None or spots else _again(missing),
    )


def _again(error: UpstreamError) -> Callable[[], UpstreamError]:
    # A new one each time: an error that is raised again keeps every traceback it ever had.
    message, hint, code = error.message, error.hint, error.code
    return lambda: UpstreamError(message, hint=hint, code=code)


class _Compiler:
    def __init__(self, route: str, leaves: dict[str, Leaf]) -> None:
        self._route = route
        self._leaves = leaves
        self._cuts = 0
        """Cuts by caller that the node being compiled stands in."""

    def node(self, strategy: Strategy) -> Node:  # noqa: PLR0911 - one way for each strategy
        match strategy:
            case Use(variant=name):
                return self._leaves[name]
            case Weighted(choices=choices):
                return OneOf(
                    of=tuple(self.node(choice.use) for choice in choices),
                    weights=Weights([choice.weight for choice in choices]),
                )
            case Cohort(choices=choices) | Sticky(choices=choices):
                return self._cut_by_caller(strategy)
            case Fallback(of=of):
                return Ordered(of=tuple(self.node(one) for one in of))
            case Conditional(rules=rules, otherwise=otherwise):
                return Rules(
                    rules=tuple((compile_condition(rule.when), self.node(rule.use)) for rule in rules),
                    otherwise=self.node(otherwise),
                )
            case Shadow(use=use, to=to, sample=sample):
                return WithCopy(use=self.node(use), to=self.node(to), sample=sample)
            case Cascade(steps=steps, checks=checks):
                return Steps(
                    steps=tuple(self.node(step) for step in steps),
                    checks=tuple(compile_check(check) for check in checks if not isinstance(check, JudgeCheck)),
                    judges=tuple(check for check in checks if isinstance(check, JudgeCheck)),
                    logprobs=any(isinstance(check, LogprobCheck) for check in checks),
                )
            case Hedge(use=use, backup=backup, after=after, at_least=at_least):
                return Race(use=self.node(use), backup=self.node(backup), after=after, at_least=at_least)

    def _cut_by_caller(self, strategy: Cohort | Sticky) -> Node:
        # A cut within another needs a salt of its own, or the outer one would decide both.
        salt = (strategy.salt or self._route) + (f"#{self._cuts}" if self._cuts else "")
        weights = [choice.weight for choice in strategy.choices]
        self._cuts += 1
        of = tuple(self.node(choice.use) for choice in strategy.choices)
        self._cuts -= 1
        made = OneOf if isinstance(strategy, Cohort) else Ordered
        return made(
            of=of, weights=Weights(weights), rendezvous=Rendezvous(weights, salt=salt), caller=caller_by(strategy.by)
        )


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Leaf():
            return ()
        case OneOf(of=of) | Ordered(of=of):
            return of
        case Rules(rules=rules, otherwise=otherwise):
            return (*(child for _, child in rules), otherwise)
        case WithCopy(use=use, to=to):
            return (use, to)
        case Steps(steps=steps):
            return steps
        case Race(use=use, backup=backup):
            return (use, backup)


def leaves_of(node: Node) -> tuple[Leaf, ...]:
    """The variants below a node, each once, in the order they stand."""
    found: dict[str, Leaf] = {}
    waiting = [node]
    # Asked for each call: a function that calls itself would leave a cycle to the collector every time.
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            found.setdefault(node.name, node)
        else:
            waiting.extend(reversed(_children(node)))
    return tuple(found.values())


def settled(node: Node, facts: Callable[[], Facts], random: Random) -> Node:
    """The node that serves one call, once all choices that need no attempt are made."""
    while True:
        match node:
            case OneOf():
                node = node.of[_pick(node, facts, random)]
            case Rules():
                known = facts()
                node = next((child for rule, child in node.rules if rule.holds(known)), node.otherwise)
            case Ordered() if node.rendezvous is not None:
                return Ordered(of=_own_order(node, facts, random))
            case _:
                return node


def in_service(node: Node, now: float) -> bool:
    """Whether any target that the node may begin with is available."""
    match node:
        case Leaf(health=health):
            return any(one.available(now) for one in health)
        case OneOf(of=of) | Ordered(of=of) | Steps(steps=of):
            return any(in_service(child, now) for child in of)
        case Rules(rules=rules, otherwise=otherwise):
            return in_service(otherwise, now) or any(in_service(child, now) for _, child in rules)
        case WithCopy(use=use):
            return in_service(use, now)
        case Race(use=use, backup=backup):
            return in_service(use, now) or in_service(backup, now)


def _pick(node: OneOf, facts: Callable[[], Facts], random: Random) -> int:
    if node.rendezvous is not None and node.caller is not None:
        caller = node.caller(facts())
        if caller:
            return node.rendezvous.pick(caller)
    return node.weights.pick(random)


def _own_order(node: Ordered, facts: Callable[[], Facts], random: Random) -> "tuple[Node, ...]":
    assert node.rendezvous is not None  # noqa: S101 - narrows the type; asked by the caller
    assert node.caller is not None  # noqa: S101 - as above
    assert node.weights is not None  # noqa: S101 - as above
    # Who does not tell who it is gets an order of its own.
    caller = node.caller(facts()) or f"{random.random()}"
    return tuple(node.of[position] for position in node.rendezvous.order(caller))
