"""A copy of a call to another variant: recorded beside the real one, on nobody's way."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.core.ids import Ids
from penstock.gateway.call import Call
from penstock.gateway.plan import Node, WithCopy, leaves_of
from penstock.gateway.ports import Journal
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending, Held
from penstock.gateway.stages.record import record
from penstock.gateway.stages.settle import settle

if TYPE_CHECKING:
    from penstock.gateway.stages.dispatch.executor import Run

__all__ = ["Shadows"]

logger = logging.getLogger(__name__)

MAX_COPIES = 200
"""Copies under way in one worker; a call that comes while there are so many has none."""


class Shadows:
    """Copies under way.

    Args:
        run: Has a node answer; the executor's.
        admission: A copy costs its project money, and is left out where a budget has no room for it.
        journal: Keeps what it gave.
        random: Draws the sample.
        clock: Time of records.
        ids: Names them.
    """

    def __init__(
        self,
        run: "Callable[[Run, Node, Delivery], Coroutine[Any, Any, Ending]]",
        admission: Admission,
        journal: Journal,
        *,
        random: Random,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._run = run
        self._admission = admission
        self._journal = journal
        self._random = random
        self._clock = clock
        self._ids = ids
        self._tasks: set[asyncio.Task[None]] = set()
        self.left_out = 0
        """Copies that were drawn and not made, since the start."""

    @property
    def under_way(self) -> int:
        """Copies that are being made."""
        return len(self._tasks)

    def start(self, run: "Run", node: WithCopy) -> None:
        """Begin a copy, if this call is in the sample."""
        if run.role != "serve" or self._random.random() >= node.sample:
            return
        if len(self._tasks) >= MAX_COPIES:
            self.left_out += 1
            return
        call = run.call
        copy = msgspec.structs.replace(
            call,
            span_id=self._ids.span_id(),
            context=msgspec.structs.replace(call.context, parent_id=call.span_id),
            started=self._clock.now(),
            role="shadow",
            attempts=[],
            grant=None,
            lent=0,
            cache=None,
            recorded=False,
        )
        asked = msgspec.structs.replace(run, call=copy, role="shadow")
        task = asyncio.get_running_loop().create_task(self._serve(asked, node))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Break off what is under way; it is recorded as interrupted."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _serve(self, run: "Run", node: WithCopy) -> None:
        copy = run.call
        try:
            if not await self._admission.admit_copy(copy, leaves_of(node.to)):
                self.left_out += 1
                return
            held = Held(copy.catalog.snapshot.gateway.max_response)
            copy.served = (await self._run(run, node.to, held)).attempt
        except PenstockError as error:
            copy.status, copy.error = "error", error
        except asyncio.CancelledError:
            copy.status = "interrupted"
        except Exception as error:
            # The boundary: nobody waits for this task, so nobody else would see its defect.
            logger.exception("the copy of call %s failed inside the gateway", copy.trace_id)
            copy.status, copy.error = "error", PenstockError(f"The gateway failed: {type(error).__name__}.")
        self._record(copy)

    def _record(self, copy: Call) -> None:
        try:
            settle(copy)
            record(copy, self._journal, self._clock)
        except PenstockError as error:
            logger.error("the copy of call %s could not be recorded yet: %s", copy.trace_id, error)  # noqa: TRY400 - the journal said why
        finally:
            self._admission.give_back(copy)
            copy.let_go()
