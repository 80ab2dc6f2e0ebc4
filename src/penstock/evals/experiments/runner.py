"""Running one experiment: everything that its engine needs, put together, with the lease kept alive."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Final, Protocol

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, PenstockError
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.ports import Ask, AskRequest, Embed, Reply
from penstock.evals.evaluators.types import Evaluator
from penstock.evals.experiments.asking import JudgeAsk
from penstock.evals.experiments.caller import HttpCaller
from penstock.evals.experiments.check import max_cost_of
from penstock.evals.experiments.clear import Clarity
from penstock.evals.experiments.embedding import GatewayEmbed
from penstock.evals.experiments.engine import Around, Engine, Plan
from penstock.evals.experiments.evaluations import Evaluated
from penstock.evals.experiments.ports import Ledger, Progress, Recall, Rows, Target
from penstock.evals.experiments.recall import RecordRecall
from penstock.evals.experiments.references import compares, definition_of
from penstock.evals.experiments.targets import FunctionTarget, Inline, ModelTarget, RegistryPrompt
from penstock.evals.experiments.types import Counts, Ending, ExperimentSpec, VariantSpec
from penstock.wire.prompts import CompiledPrompt

__all__ = ["Resolve", "Runner", "Setting"]

logger = logging.getLogger(__name__)

RENEW_SECONDS: Final = 5.0


class Resolve(Protocol):
    """Finds what an experiment refers to."""

    def prompt(self, reference: str) -> CompiledPrompt:
        """A version of a prompt. Raises `NotFound`, or `InvalidInput` where there is no registry."""
        ...

    def function(self, reference: str) -> Callable[..., Any]:
        """`module:function`. Raises `InvalidInput` where functions do not run."""
        ...

    def evaluator(self, definition: Mapping[str, Any], services: Services, field: str) -> Evaluator:
        """An evaluator. Raises `InvalidInput`."""
        ...


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run takes place."""

    experiment: str
    spec: ExperimentSpec
    salt: str
    gateway: str
    """Base address; the only one that is called."""
    key: str | None
    records: Callable[[str], bytes] | None = None
    """Reads the JSON of a trace, blocking; None where there are no records."""
    renew: Callable[[], str | None] | None = None
    """Keeps the lease, blocking; says what somebody wants. None where nobody else could run it."""
    patience: float = 120.0
    """Seconds for which a call of a killed process may still be under way."""


class _Wanted:
    """A `Signal` that is set by the heartbeat, or by an interrupt of the user's."""

    def __init__(self) -> None:
        self.wanted: str | None = None

    def asked(self) -> str | None:
        return self.wanted


class Runner:
    """Runs an experiment from where it stands to its end.

    Args:
        setting: Where.
        rows: Its rows.
        ledger: Its ledger.
        resolve: Finds what it refers to.
        clock: Time.
        random: Chance.
        progress: Is told.
    """

    def __init__(
        self,
        setting: Setting,
        rows: Rows,
        ledger: Ledger,
        *,
        resolve: Resolve,
        clock: Clock,
        random: Random,
        progress: Progress | None = None,
    ) -> None:
        self._setting = setting
        self._rows = rows
        self._ledger = ledger
        self._resolve = resolve
        self._clock = clock
        self._random = random
        self._progress = progress
        self._wanted = _Wanted()
        self._ask: Ask | None = None
        self._embed: Embed | None = None
        self._made = self._evaluations(setting.spec)
        self._lost: PenstockError | None = None

    @property
    def evaluators(self) -> dict[str, str]:
        """Names of the evaluators by digest."""
        return {one.digest: one.name for one in self._made}

    def interrupt(self) -> None:
        """Pause: what is under way is finished, and nothing more is started."""
        self._wanted.wanted = "pause"

    async def run(self, counts: Counts) -> Ending:
        """Go on from `counts`.

        Raises:
            PenstockError: something that concerns all of it: a missing prompt, a lost lease, a full disk.
        """
        spec = self._setting.spec
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(HttpCaller.new_session(connections=spec.concurrency + 4))
            caller = HttpCaller(self._setting.gateway, self._setting.key, session, clock=self._clock)
            recall: Recall | None = None
            if self._setting.records is not None:
                recall = RecordRecall(self._setting.records, gateway=self._setting.gateway, session=session)
            engine = Engine(
                Plan(
                    experiment=self._setting.experiment,
                    variants=[(variant, self._target(variant, caller)) for variant in spec.variants],
                    evaluations=self._made,
                    baseline=spec.baseline or spec.variants[0].name,
                    repetitions=spec.repetitions,
                    salt=self._setting.salt,
                    concurrency=spec.concurrency,
                    retries=spec.retries,
                    patience=self._setting.patience,
                    max_cost=max_cost_of(spec),
                ),
                self._rows,
                self._ledger,
                counts=counts,
                around=Around(
                    clock=self._clock,
                    random=self._random,
                    recall=recall,
                    progress=self._progress,
                    signal=self._wanted,
                    clear=Clarity(spec, self.evaluators).add if spec.stop_when_clear and spec.gate else None,
                ),
            )
            self._ask = JudgeAsk(caller, engine.consult, experiment=self._setting.experiment, timeout=spec.timeout)
            self._embed = GatewayEmbed(
                caller,
                engine.consult,
                experiment=self._setting.experiment,
                salt=self._setting.salt,
                timeout=spec.timeout,
            )
            ending = await self._with_heartbeat(engine)
        if self._lost is not None:
            raise self._lost
        return ending

    async def _with_heartbeat(self, engine: Engine) -> Ending:
        if self._setting.renew is None:
            return await engine.run()
        beat = self._beat(self._setting.renew)
        async with asyncio.TaskGroup() as tasks:
            heart = tasks.create_task(beat)
            try:
                return await engine.run()
            finally:
                heart.cancel()

    async def _beat(self, renew: Callable[[], str | None]) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                wanted = await asyncio.to_thread(renew)
            except PenstockError as error:
                if error.code == "lease_lost":
                    self._lost = error
                    self._wanted.wanted = "pause"
                    return
                logger.warning("experiment %s: its lease was not renewed: %s", self._setting.experiment, error)
            else:
                self._wanted.wanted = self._wanted.wanted or wanted

    def _target(self, variant: VariantSpec, caller: HttpCaller) -> Target:
        if variant.python is not None:
            return FunctionTarget(self._resolve.function(variant.python), clock=self._clock)
        prompt: Inline | RegistryPrompt | None = None
        if variant.prompt is not None:
            prompt = RegistryPrompt(self._resolve.prompt(variant.prompt))
        elif variant.messages is not None:
            prompt = Inline(variant.messages)
        return ModelTarget(
            variant, caller, prompt=prompt, experiment=self._setting.experiment, timeout=self._setting.spec.timeout
        )

    async def _consult(self, request: AskRequest, /) -> Reply:
        assert self._ask is not None  # noqa: S101 - nobody judges before the engine runs
        return await self._ask(request)

    async def _vectors(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        assert self._embed is not None  # noqa: S101 - as above
        return await self._embed(texts, model=model)

    def _evaluations(self, spec: ExperimentSpec) -> Sequence[Evaluated]:
        services = Services(ask=self._consult, embed=self._vectors)
        made = [
            Evaluated(
                self._resolve.evaluator(definition_of(entry), services, f"evaluators[{index}]"),
                salt=self._setting.salt,
                compares="python" not in entry and compares(definition_of(entry)),
            )
            for index, entry in enumerate(spec.evaluators)
        ]
        names = [one.name for one in made]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise InvalidInput(
                    f"Two evaluators give judgements called {name!r}.",
                    field=f"evaluators[{index}].name",
                    hint="Give one of them another name.",
                    code="invalid_experiment",
                )
        return made
