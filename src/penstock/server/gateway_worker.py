"""One gateway worker: binds the gateway's ports to their implementations and serves."""

import argparse
import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from random import Random

import uvloop

from penstock.core.clock import Clock, SystemClock
from penstock.core.home import Home
from penstock.core.ids import Ids, RandomIds
from penstock.core.secrets import read_master_keys
from penstock.finops.pricing import Pricer
from penstock.gateway.app import GatewayApp
from penstock.gateway.catalog import Catalog
from penstock.gateway.inbound.listener import Listener
from penstock.gateway.metrics import Meter, MeteredJournal
from penstock.gateway.passage import PassthroughPipeline
from penstock.gateway.pipeline import Pipeline
from penstock.gateway.publication import Publication
from penstock.gateway.routing.registry import Health
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.attempt import Attempts
from penstock.gateway.stages.dispatch.executor import Executor
from penstock.gateway.stages.forward import Forwarder
from penstock.gateway.stages.reuse import Reuser
from penstock.gateway.transport import HttpTransport
from penstock.gateway.watchdog import TICK_SECONDS, Watchdog
from penstock.server.gateway_state import Reporter, Spending, open_answers
from penstock.server.process import (
    adopt_socket,
    announce_ready,
    hold_collector,
    relax_collector,
    set_up_logging,
    stop_on_signals,
    stop_with_parent,
    when_closed,
)
from penstock.store.journal.writer import JournalWriter
from penstock.wire.snapshot import GatewaySettings, JournalSettings

__all__ = ["main", "serve"]

logger = logging.getLogger(__name__)

BACKLOG = 2048
START_PATIENCE = 5.0
"""Seconds to wait for a first snapshot before serving 503."""


async def serve(
    home: Home, *, listen_fd: int, ready_fd: int | None, parent_fd: int | None, published_fd: int | None = None
) -> None:
    """Serve until told to stop; then let calls in flight finish, seal the journal, and return.

    The worker starts before anything is published and answers 503 until then. Where `published_fd` tells
    when the console has published, the worker says that it is ready only when it serves what was published.
    """
    clock = SystemClock()
    ids = RandomIds(clock)
    health = Health(clock=clock)
    publication = Publication(home.snapshot, Pricer, health, master_keys=lambda: read_master_keys(home.master_key))
    publication.refresh()
    snapshot = publication.catalog.snapshot if publication.ready else None
    journal = JournalWriter(
        home.journal, snapshot.journal if snapshot is not None else JournalSettings(), clock=clock, ids=ids
    )
    spending = Spending(home, journal, publication, clock=clock, ids=ids)
    journal.start()
    transport = HttpTransport(snapshot.gateway if snapshot is not None else GatewaySettings())
    _follow(publication, journal, transport)
    watchdog = Watchdog(chores=[publication.refresh, journal.tick, transport.tick])
    try:
        async with asyncio.TaskGroup() as tasks:
            ticker = tasks.create_task(watchdog.run())
            await _until_ready(publication)
            parts = _Parts(
                publication,
                health,
                journal,
                spending,
                home=home,
                transport=transport,
                watchdog=watchdog,
                tasks=tasks,
                clock=clock,
                ids=ids,
            )
            listener = Listener(parts.app)
            reporter = Reporter(
                home,
                publication=publication,
                journal=journal,
                health=health,
                counters=parts.counters,
                cache=parts.reuser.cache,
                tally=parts.reuser.tally,
                listener=listener,
                meter=parts.meter,
                clock=clock,
            )
            watchdog.chores += [listener.tick, parts.counters.tick, reporter.tick, spending.tick]
            told_to_stop = asyncio.Event()

            def announce() -> None:
                publication.refresh()
                reporter.write()
                announce_ready(ready_fd)

            with stop_on_signals(told_to_stop.set):
                stop_with_parent(parent_fd, told_to_stop.set)
                relax_collector()
                accepting = await asyncio.get_running_loop().create_server(
                    listener.connection, sock=adopt_socket(listen_fd), backlog=BACKLOG
                )
                if published_fd is None:
                    announce()
                else:
                    when_closed(published_fd, announce)
                await told_to_stop.wait()
                accepting.close()
                listener.drain()
                await listener.drained(publication.catalog.snapshot.gateway.drain if publication.ready else 0)
            await parts.close()
            reporter.close()
            ticker.cancel()
    finally:
        await transport.close()
        journal.close()
        spending.close()
    logger.info("gateway worker stopped; %d spans recorded, %d lost", journal.recorded, journal.lost)


class _Parts:
    """The gateway's application, put together."""

    def __init__(  # noqa: PLR0913 - each is a part of it
        self,
        publication: Publication,
        health: Health,
        writer: JournalWriter,
        spending: Spending,
        *,
        home: Home,
        transport: HttpTransport,
        watchdog: Watchdog,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        ids: Ids,
    ) -> None:
        snapshot = publication.catalog.snapshot if publication.ready else None
        redis = snapshot.redis if snapshot is not None else None
        random = Random()  # noqa: S311 - shares and jitter, no secrets
        self.meter = Meter(publication.project_name)
        journal = MeteredJournal(writer, self.meter)
        self.counters = spending.open(redis, tasks)
        cache = open_answers(
            redis, snapshot.gateway if snapshot is not None else GatewaySettings(), clock=clock, tasks=tasks
        )
        admission = Admission(self.counters, clock=clock)
        attempts = Attempts(transport, watchdog, clock=clock)
        self.executor = Executor(attempts, admission, health, journal, random=random, clock=clock, ids=ids)
        self.reuser = Reuser(self.executor.run, cache, random=random, clock=clock)
        pipeline = Pipeline(publication, journal, admission, self.reuser, watchdog, tasks=tasks, clock=clock, ids=ids)
        forwarder = Forwarder(transport.uploads, watchdog, random=random)
        passthrough = PassthroughPipeline(
            publication, journal, self.counters, forwarder, pipeline, tasks=tasks, clock=clock, ids=ids
        )

        def metrics() -> tuple[bytes, bytes]:
            from penstock.server.prometheus import CONTENT_TYPE, gateway_metrics  # noqa: PLC0415 - loaded when scraped

            return CONTENT_TYPE.encode(), gateway_metrics(home, now=clock.now())

        self.app = GatewayApp(pipeline, passthrough, publication, metrics, tasks=tasks, clock=clock, ids=ids)

    async def close(self) -> None:
        await self.executor.shadows.close()
        await self.reuser.cache.close()
        await self.counters.close()


def _follow(publication: Publication, journal: JournalWriter, transport: HttpTransport) -> None:
    """Let new settings take effect as they are published."""

    def take_up(catalog: Catalog) -> None:
        journal.configure(catalog.snapshot.journal)
        transport.configure(catalog.snapshot.gateway)

    publication.listeners.append(take_up)


async def _until_ready(publication: Publication) -> None:
    """Give the control plane a moment to publish, so that `ready` means that calls are served."""
    for _ in range(round(START_PATIENCE / TICK_SECONDS)):
        if publication.ready:
            return
        await asyncio.sleep(TICK_SECONDS)
    logger.warning("nothing is published in %s seconds; answering 503 until it is", START_PATIENCE)


def main(arguments: list[str] | None = None) -> None:
    """Entry of `python -m penstock.server.gateway_worker`; the supervisor starts it."""
    parser = argparse.ArgumentParser(prog="penstock.server.gateway_worker", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--listen-fd", type=int, required=True, help="listening socket, inherited")
    parser.add_argument("--ready-fd", type=int, help="pipe on which to say that the worker serves")
    parser.add_argument("--parent-fd", type=int, help="pipe whose end means that the parent is gone")
    parser.add_argument("--published-fd", type=int, help="pipe whose end means that the console has published")
    parser.add_argument("--log-level", default="INFO")
    options = parser.parse_args(arguments)
    hold_collector()
    set_up_logging(options.log_level)
    with suppress(KeyboardInterrupt):
        uvloop.run(
            serve(
                Home(options.home),
                listen_fd=options.listen_fd,
                ready_fd=options.ready_fd,
                parent_fd=options.parent_fd,
                published_fd=options.published_fd,
            )
        )


if __name__ == "__main__":
    main()
