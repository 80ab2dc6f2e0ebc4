"""Control API of the playground. The app provides `project` (id, from its guard) and `playground`."""

from collections.abc import AsyncGenerator

import msgspec
from litestar import Controller, Router, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.response import Stream

from penstock.evals.playground.service import Playground
from penstock.evals.playground.types import Event, PlaygroundRun

__all__ = ["playground_router"]

MAX_REQUEST = 12 * 1024 * 1024


class PlaygroundController(Controller):
    path = "/playground"
    tags = ("playground",)

    @post(
        "/runs",
        operation_id="runPlayground",
        opt={"permission": "gateway:call"},
        status_code=200,
        request_max_body_size=MAX_REQUEST,
        responses={
            200: ResponseSpec(
                data_container=str,
                media_type="text/event-stream",
                description="Events by name, each with its data as JSON: `started`, `delta`, `tool_call`, `answered`, "
                "`costed`, `failed`.",
                generate_examples=False,
            )
        },
    )
    async def run(
        self,
        playground: NamedDependency[Playground],
        project: NamedDependency[str],
        data: JSONBody[PlaygroundRun],
    ) -> Stream:
        """Ask one variant through the gateway. The call is limited, billed and recorded as any; leaving stops it."""
        return Stream(
            _lines(await playground.begin(project, data)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )


async def _lines(events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    try:
        async for event in events:
            name = type(event).__struct_config__.tag
            yield b"event: %b\ndata: %b\n\n" % (str(name).encode(), msgspec.json.encode(event))
    finally:
        await events.aclose()


def playground_router() -> Router:
    """All routes of this slice, below the API's prefix."""
    return Router("/", route_handlers=[PlaygroundController])
