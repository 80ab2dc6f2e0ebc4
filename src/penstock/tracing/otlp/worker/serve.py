"""The process's side: one request after the other, from whichever lane has one."""

import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from penstock.core.errors import InvalidInput, PenstockError, TooLarge
from penstock.tracing.otlp.body import UnsupportedMedia
from penstock.tracing.otlp.ports import Hide, Pricing
from penstock.tracing.otlp.request import map_request
from penstock.tracing.otlp.types import Mapped
from penstock.tracing.otlp.worker.frames import READY, receive_request, send_answer

__all__ = ["IDLE_SECONDS", "serve_requests"]

IDLE_SECONDS = 300.0
"""After which a process that nobody needs ends, to give its memory back."""


def serve_requests(
    lanes: Sequence[socket.socket],
    *,
    pricing: Pricing,
    hide: Hide,
    before: Callable[[], None],
    idle: float = IDLE_SECONDS,
) -> None:
    """Map requests until all lanes are closed, or nothing has come for `idle` seconds.

    Args:
        lanes: Connected sockets, one for each request that may be under way; closed when the other side is.
        pricing: What model calls cost.
        hide: The hash of an end user's id.
        before: Called before each request: to take up other prices.
        idle: Seconds.
    """
    with selectors.DefaultSelector() as selector:
        for lane in lanes:
            selector.register(lane, selectors.EVENT_READ)
        with suppress(OSError):
            lanes[0].sendall(READY)
        while selector.get_map() and (ready := selector.select(idle)):
            for key, _ in ready:
                lane = key.fileobj
                assert isinstance(lane, socket.socket)  # noqa: S101 - narrows the type; only sockets are registered
                try:
                    open_still = _serve_one(lane, pricing=pricing, hide=hide, before=before)
                except OSError:
                    # The console is gone, or has given this lane up.
                    open_still = False
                if not open_still:
                    selector.unregister(lane)
                    lane.close()


def _serve_one(lane: socket.socket, *, pricing: Pricing, hide: Hide, before: Callable[[], None]) -> bool:
    """Whether the lane goes on."""
    request = receive_request(lane)
    if request is None:
        return False
    arrived, body = request
    del request
    before()
    outcome: Mapped | PenstockError
    try:
        outcome = map_request(arrived, body, pricing=pricing, hide=hide)
    except (InvalidInput, TooLarge, UnsupportedMedia) as error:
        outcome = error
    del body
    send_answer(lane, outcome)
    return True
