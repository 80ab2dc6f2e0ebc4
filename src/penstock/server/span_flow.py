"""How spans of applications come in, and how spans are sent on: for `/metrics` and the state of the system."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from penstock.core.home import Home
from penstock.tracing.otlp.export.sender import Sender
from penstock.tracing.otlp.intake import OtlpIntake
from penstock.tracing.types import ExportProgress, Flow, IntakeProgress

__all__ = ["span_flow"]


def span_flow(home: Home, intake: OtlpIntake, senders: Iterable[Sender]) -> Flow:
    """Of this moment. Blocks while it looks into a folder."""
    state = intake.state
    return Flow(
        intake=IntakeProgress(
            requests=state.requests,
            accepted=state.accepted,
            rejected=dict(state.reasons),
            refused=state.pushed_back,
            in_flight_bytes=state.in_flight,
            waiting_segments=sum(1 for _ in home.intake.glob("*.ndjson")),
            waiting_bytes=state.waiting,
        ),
        exports=[
            ExportProgress(
                backend=_shown(sender.url),
                sent=sender.state.sent,
                rejected=sender.state.rejected,
                filtered=sender.state.filtered,
                waiting_bytes=sender.spool.waiting_bytes,
                error=sender.state.failing,
            )
            for sender in senders
        ],
    )


def _shown(url: str) -> str:
    """Host and path: what else is in an address may be a secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
