"""Control API of an experiment's progress, as server-sent events.

The app provides the dependencies: `project` (id, from its guard), and `progress`.
"""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, PathParameter
from litestar.response import Stream

from penstock.evals.experiments.progress import Progress, ProgressFeed

__all__ = ["ProgressController"]

RETRY = b"retry: 2000\n\n"
"""Milliseconds until a browser that was cut off comes back."""


class ProgressController(Controller):
    path = "/experiments/{experiment:str}"
    tags = ("experiments",)

    @get(
        "/progress",
        operation_id="watchExperiment",
        opt={"permission": "experiments:read"},
        responses={
            200: ResponseSpec(
                data_container=str,
                media_type="text/event-stream",
                description="`event: progress` with state, counts, rate and time left as JSON, whenever it moved; "
                "`event: end` with the same once it does not run; a comment at least every 15 s.",
                generate_examples=False,
            )
        },
    )
    async def watch(
        self,
        progress: NamedDependency[ProgressFeed],
        project: NamedDependency[str],
        experiment: Annotated[str, PathParameter(description="The experiment's id.")],
        last: Annotated[
            str | None,
            HeaderParameter(name="last-event-id", description="Of the last event that was seen: only news are sent."),
        ] = None,
    ) -> Stream | Response[None]:
        """How far it is, as it goes. 204: it does not run, and there is nothing newer than `last-event-id`."""
        progress.check_room(project)
        now = await progress.now(project, experiment)
        if not now.active and last == now.mark:
            return Response(None, status_code=204)
        return Stream(
            _events(progress.watch(project, experiment, since=last)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )


async def _events(snapshots: AsyncGenerator[Progress | None]) -> AsyncGenerator[bytes]:
    try:
        yield RETRY
        async for one in snapshots:
            if one is None:
                yield b": keep-alive\n\n"
            else:
                name = b"progress" if one.active else b"end"
                yield b"event: %b\nid: %b\ndata: %b\n\n" % (name, one.mark.encode(), msgspec.json.encode(one))
    finally:
        await snapshots.aclose()
