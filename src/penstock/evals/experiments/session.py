"""An experiment in a process of the user's: made, filled, run, and given back."""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, PenstockError
from penstock.core.ids import Ids
from penstock.evals.evaluators.catalog import load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.functions import FunctionEvaluator
from penstock.evals.evaluators.types import Evaluator
from penstock.evals.experiments.files import chunked
from penstock.evals.experiments.places import Place
from penstock.evals.experiments.ports import Progress
from penstock.evals.experiments.presence import presence
from penstock.evals.experiments.runner import Runner, Setting
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import Ending, Experiment, ExperimentSpec
from penstock.wire.prompts import CompiledPrompt

__all__ = ["Gateway", "Resolver", "Session"]

CHUNK_ROWS: Final = 500
CHUNK_BYTES: Final = 4 * 1024 * 1024


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """The one address that models are asked at."""

    url: str
    key: str | None = None


class Resolver:
    """Finds prompts in a place, evaluators in the catalog, functions in modules.

    Args:
        prompt: Finds a version of a prompt.
        folder: Where modules of the user's are looked for first; None: functions are refused.
    """

    def __init__(self, prompt: Callable[[str], CompiledPrompt], *, folder: Path | None) -> None:
        self._prompt = prompt
        self._folder = folder

    def prompt(self, reference: str) -> CompiledPrompt:
        return self._prompt(reference)

    def function(self, reference: str) -> Callable[..., Any]:
        """`module:function`. Raises `InvalidInput`."""
        module, colon, name = reference.partition(":")
        if self._folder is None or not colon:
            raise InvalidInput(
                f"Expected a function as module:function, got {reference!r}."
                if self._folder is not None
                else f"The function {reference} runs only in a process of yours.",
                code="function_not_found",
            )
        folder = str(self._folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise InvalidInput(f"The function {reference} is not there: {error}.", code="function_not_found") from error
        if not callable(found):
            raise InvalidInput(f"{reference} is no function.", code="function_not_found")
        return found

    def evaluator(self, definition: Mapping[str, Any], services: Services, field: str) -> Evaluator:
        """Raises `InvalidInput`."""
        reference = definition.get("python")
        if reference is None:
            return load(definition, services, field=field)
        name = str(definition.get("name") or str(reference).rpartition(":")[2])
        return FunctionEvaluator(self.function(str(reference)), name=name)


class Session:
    """Runs experiments of one place.

    Args:
        place: Where they are kept.
        gateway: Whom to ask.
        folder: Where functions are looked for.
        clock: Time.
        ids: Names the runner.
        random: Chance.
    """

    def __init__(self, place: Place, gateway: Gateway, *, folder: Path, clock: Clock, ids: Ids, random: Random) -> None:
        self.place = place
        self._gateway = gateway
        self._resolver = Resolver(place.prompt, folder=folder)
        self._clock = clock
        self._ids = ids
        self._random = random
        self._runner: Runner | None = None

    def create(self, spec: ExperimentSpec, rows: Iterable[NewRow], *, cache: bool = True) -> Experiment:
        """Make an experiment with these rows. Blocks."""
        made = self.place.create(spec, cache=cache)
        count = 0
        for chunk in chunked(rows, most=CHUNK_ROWS, size=CHUNK_BYTES):
            count = self.place.add_rows(made.id, chunk, at=count)
        return self.place.get(made.id)

    async def run(self, experiment: Experiment, *, progress: Progress | None = None, patience: float = 120.0) -> Ending:
        """Run one to its end, from where it stands. An error leaves it as `failed`.

        Raises:
            PenstockError: somebody else runs it, or something concerns all of it.
        """
        runner = f"process {self._ids.uuid7()}"
        id_ = experiment.id
        setting = Setting(
            experiment=id_,
            spec=experiment.spec,
            salt=experiment.salt,
            gateway=self._gateway.url,
            key=self._gateway.key,
            records=self.place.records,
            renew=lambda: self.place.renew(id_, runner=runner),
            patience=patience,
        )
        self._runner = Runner(
            setting,
            self.place.rows(id_),
            self.place.ledger(id_, runner=runner),
            resolve=self._resolver,
            clock=self._clock,
            random=self._random,
            progress=progress,
        )
        with presence(id_, runner) as former:
            taken = self.place.take(id_, runner=runner, evaluators=self._runner.evaluators, instead_of=former)
            try:
                ending = await self._runner.run(taken.counts)
            except PenstockError as error:
                if error.code != "lease_lost":
                    self.place.release(id_, runner=runner, ending=Ending(state="failed", reason=str(error)))
                raise
            self.place.release(id_, runner=runner, ending=ending)
        return ending

    def interrupt(self) -> None:
        """Pause the run; what is under way is finished."""
        if self._runner is not None:
            self._runner.interrupt()
