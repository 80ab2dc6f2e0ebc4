"""`penstock sim`: a provider simulator, and `penstock sim load`: a load generator."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.options import HostOption, JsonOption
from penstock.cli.output import Exit, format_count, make_console, print_json, say
from penstock.core.errors import InvalidInput

if TYPE_CHECKING:
    from penstock.simulator.load import LoadPlan, LoadReport, Tally

__all__ = ["app"]

app = typer.Typer()
sim = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.add_typer(sim, name="sim", help="A provider simulator, and a load generator.")

SERVING = "Serving"
TEXT = "Text"
TIMING = "Timing"
FAULTS = "Faults"
DISTRIBUTION = "Distribution: constant:50ms, uniform:10ms,50ms, normal:50ms,10ms, lognormal:50ms,0.5, exponential:50ms."


def _option(name: str, text: str, *, panel: str, metavar: str | None = None) -> Any:
    return typer.Option(f"--{name}", help=text, rich_help_panel=panel, metavar=metavar, show_default=False)


@sim.callback()
def serve(
    context: typer.Context,
    *,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 4190,
    ready_file: Annotated[
        Path | None, _option("ready-file", 'Write {"url": …} here once it serves.', panel=SERVING, metavar="PATH")
    ] = None,
    api_key: Annotated[
        list[str] | None, _option("api-key", "Let in this key only; may be repeated.", panel=SERVING, metavar="KEY")
    ] = None,
    only_listed_models: Annotated[
        bool, typer.Option("--only-listed-models", help="Answer 404 for other models.", rich_help_panel=SERVING)
    ] = False,
    seed: Annotated[int | None, _option("seed", "Same seed, same answers. Default: 0.", panel=TEXT)] = None,
    text: Annotated[str | None, _option("text", "template (default) or echo.", panel=TEXT)] = None,
    replay: Annotated[
        Path | None, _option("replay", "Recorded answers to known questions.", panel=TEXT, metavar="JSONL")
    ] = None,
    replay_question: Annotated[
        str | None, _option("replay-question", "Field of the question.", panel=TEXT, metavar="FIELD")
    ] = None,
    replay_answers: Annotated[
        str | None, _option("replay-answers", "Field of each model's answer.", panel=TEXT, metavar="MODEL=FIELD,…")
    ] = None,
    output_tokens: Annotated[
        str | None, _option("output-tokens", "Distribution of answer lengths.", panel=TEXT, metavar="DIST")
    ] = None,
    trace: Annotated[
        Path | None, _option("trace", "Answer lengths and times of real requests.", panel=TIMING, metavar="CSV")
    ] = None,
    trace_columns: Annotated[
        str | None, _option("trace-columns", "Its columns.", panel=TIMING, metavar="FIELD=COLUMN,…")
    ] = None,
    ttft: Annotated[
        str | None, _option("ttft", f"Time to first token. {DISTRIBUTION}", panel=TIMING, metavar="DIST")
    ] = None,
    token_rate: Annotated[
        str | None, _option("token-rate", "Tokens per second of one answer.", panel=TIMING, metavar="DIST")
    ] = None,
    latency: Annotated[
        str | None, _option("latency", "Time of an answer that is not streamed.", panel=TIMING, metavar="DIST")
    ] = None,
    chunk_tokens: Annotated[int | None, _option("chunk-tokens", "Tokens per event. Default: 1.", panel=TIMING)] = None,
    events_per_write: Annotated[
        int | None, _option("events-per-write", "Events per write. Default: 1.", panel=TIMING)
    ] = None,
    cached: Annotated[
        float | None, _option("cached", "Share of each prompt read from cache.", panel=TEXT, metavar="SHARE")
    ] = None,
    fault: Annotated[
        list[str] | None,
        _option("fault", "As 'status=429;rate=0.1'; may be repeated.", panel=FAULTS, metavar="FAULT"),
    ] = None,
    faults: Annotated[
        Path | None, _option("faults", "Faults and their schedule, YAML or JSON.", panel=FAULTS, metavar="FILE")
    ] = None,
) -> None:
    """Serve a provider that speaks OpenAI, Anthropic and Gemini. See docs/simulator.md."""
    if context.invoked_subcommand is not None:
        return
    from penstock.simulator.arguments import build_config  # noqa: PLC0415 - only when the command runs
    from penstock.simulator.server import serve as run  # noqa: PLC0415 - as above

    options: dict[str, Any] = {
        "api_key": api_key,
        "only_listed_models": only_listed_models,
        "seed": seed,
        "text": text,
        "replay": replay,
        "replay_question": replay_question,
        "replay_answers": replay_answers,
        "output_tokens": output_tokens,
        "trace": trace,
        "trace_columns": trace_columns,
        "ttft": ttft,
        "token_rate": token_rate,
        "latency": latency,
        "chunk_tokens": chunk_tokens,
        "events_per_write": events_per_write,
        "cached": cached,
        "fault": fault,
        "faults": faults,
    }
    run(build_config(options), host, port, ready=_announcer(ready_file))


def _announcer(ready_file: Path | None) -> Any:
    """What is told the address: the person, and the file when there is one."""
    from penstock.simulator.server import write_ready_file  # noqa: PLC0415 - only when the command runs

    def announce(url: str) -> None:
        if ready_file is not None:
            write_ready_file(ready_file, url)
        say(f"The simulator serves on {url} (OpenAI: {url}/v1, Anthropic: {url}, Gemini: {url}). Ctrl-C stops it.")

    return announce


@sim.command()
def load(
    *,
    url: Annotated[str, typer.Option(metavar="URL", help="Root of the gateway.")] = "http://127.0.0.1:4100",
    key: Annotated[
        str | None,
        typer.Option(
            envvar="PENSTOCK_KEY", metavar="KEY", show_default=False, help="Virtual key, better given by the variable."
        ),
    ] = None,
    model: Annotated[str, typer.Option(metavar="MODEL", help="Model or alias to call.")] = "gpt-4o-mini",
    rate: Annotated[
        float | None, typer.Option(show_default=False, help="Requests per second, arriving at random (Poisson).")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="CSV", show_default=False, help="Arrivals and lengths of real requests.")
    ] = None,
    trace_columns: Annotated[
        str, typer.Option(metavar="FIELD=COLUMN,…", show_default=False, help="Columns of the trace.")
    ] = "",
    speedup: Annotated[float, typer.Option(help="Play the trace so many times as fast.")] = 1.0,
    closed: Annotated[
        int | None, typer.Option(show_default=False, help="So many callers, each waits for its answer.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", show_default=False, help="Send for so long.")
    ] = None,
    requests: Annotated[int | None, typer.Option(show_default=False, help="Send so many.")] = None,
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Ask for streams.")] = False,
    dialect: Annotated[str, typer.Option(metavar="openai|anthropic", help="Wire format.")] = "openai",
    prompt_tokens: Annotated[int, typer.Option(help="Length of a prompt.")] = 250,
    max_tokens: Annotated[int | None, typer.Option(show_default=False, help="Limit of an answer.")] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Time that one answer may take.")] = 120.0,
    max_in_flight: Annotated[int, typer.Option(help="Requests under way at most.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same arrivals and prompts.")] = 0,
    max_error_rate: Annotated[
        float | None,
        typer.Option(metavar="SHARE", show_default=False, min=0, max=1, help="Exit with 1 when more than this fails."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send load to a gateway and measure its answers. Without --rate, --trace or --closed: --closed 16."""
    from penstock.simulator.arguments import parse_mapping  # noqa: PLC0415 - only when the command runs
    from penstock.simulator.load import LoadPlan  # noqa: PLC0415 - as above

    if rate is None and trace is None and closed is None:
        closed = 16
    if duration is None and requests is None and trace is None:
        duration = 10.0
    if dialect not in ("openai", "anthropic"):
        raise InvalidInput(f"Expected --dialect openai or anthropic, got {dialect!r}.")
    plan = LoadPlan(
        url=url,
        key=key,
        model=model,
        rate=rate,
        trace=trace,
        trace_columns=parse_mapping(trace_columns, option="--trace-columns"),
        speedup=speedup,
        closed=closed,
        duration=duration,
        requests=requests,
        stream=stream,
        dialect=dialect,
        prompt_tokens=prompt_tokens,
        max_tokens=max_tokens,
        timeout=timeout,
        in_flight=max_in_flight,
        seed=seed,
    )
    report = _run(plan, show=not as_json)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if max_error_rate is not None and report.error_rate > max_error_rate:
        say(f"{report.error_rate:.2%} of the requests failed, more than {max_error_rate:.2%}.")
        raise typer.Exit(Exit.NO)
    if report.sent and not report.succeeded and max_error_rate is None:
        say("No request succeeded.")
        raise typer.Exit(Exit.NO)


def _run(plan: "LoadPlan", *, show: bool) -> "LoadReport":
    import uvloop  # noqa: PLC0415 - only when the command runs

    from penstock.simulator.load import Tally, run_load  # noqa: PLC0415 - as above

    async def measure() -> "LoadReport":
        tally = Tally()
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
        async with asyncio.TaskGroup() as tasks:
            showing = tasks.create_task(_progress(plan, tally)) if show else None
            report = await run_load(plan, tally, stop=stop)
            if showing is not None:
                showing.cancel()
        return report

    return uvloop.run(measure())


async def _progress(plan: "LoadPlan", tally: "Tally") -> None:
    """A bar on stderr until cancelled."""
    from rich.console import Console  # noqa: PLC0415 - only when the command runs
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        share = progress.add_task("", total=plan.requests or plan.duration)
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            done = tally.done if plan.requests else loop.time() - began
            text = f"{tally.done:,} answered, {tally.failed:,} failed, {tally.sent - tally.done:,} under way"
            progress.update(share, completed=done, description=text)
            await asyncio.sleep(0.1)


def _print(report: "LoadReport") -> None:
    from rich.table import Table  # noqa: PLC0415 - only when the command runs

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    failures = ", ".join(f"{kind} {count:,}" for kind, count in report.errors.items())
    latency, ttft = report.latency, report.ttft
    rows = [
        ("Requests", f"{format_count(report.sent)} in {report.seconds:.1f} s"),
        ("Rate", f"{report.rate:,.1f} /s"),
        ("Errors", f"{format_count(report.failed)} ({report.error_rate:.2%})"),
        ("  by kind", failures or "-"),
        ("Latency p50 / p95 / p99", " / ".join(map(_ms, (latency.p50, latency.p95, latency.p99)))),
        ("First token p50 / p95", " / ".join(map(_ms, (ttft.p50, ttft.p95)))),
        ("Tokens in / out", f"{format_count(report.input_tokens)} / {format_count(report.output_tokens)}"),
        ("Output tokens", f"{report.output_tokens_per_second:,.1f} /s"),
        ("Sent late p99", _ms(report.lag.p99)),
    ]
    for row in rows:
        table.add_row(*row)
    make_console().print(table)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.1f} ms"
