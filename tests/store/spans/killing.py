"""Killing a piece of work at any moment, as a machine that fails would."""

import os
import random
import signal
import threading
from collections.abc import Callable

from clickhouse_server import Server

from penstock.core.errors import Unavailable

LONGEST = 0.4
"""Seconds; where a child may be killed before it has begun, or after some steps."""


def killed_at_random(work: Callable[[], None], *, times: int, longest: float = LONGEST) -> None:
    """Run `work` in children of this process until so many of them were killed, each after a random time.

    What the work uses must not be open in this process, and it must be long enough.
    """
    rng = random.Random(5)
    for number in range(times):
        seconds = rng.uniform(0.005, longest)
        child = os.fork()
        if child == 0:
            # The default action of this signal ends the process there and then; nothing is closed or flushed.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"the work was over after {number} kills"


def server_killed_at_random(server: Server, work: Callable[[], None], *, times: int, longest: float = 0.25) -> None:
    """Run `work` again and again while the server is killed so many times, each after a random time.

    The work meets `Unavailable`, unless it is over just before, and must be long enough.
    """
    rng = random.Random(7)
    met = 0
    for _ in range(times):
        timer = threading.Timer(rng.uniform(0.005, longest), server.kill)
        timer.start()
        try:
            while timer.is_alive():
                work()
        except Unavailable:
            met += 1
        timer.join()
        server.start()
    assert met > times * 2 // 3, f"the work was under way at {met} of {times} kills"
