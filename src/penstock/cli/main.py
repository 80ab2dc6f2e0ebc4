"""`penstock`: the root of the command line."""

import sys
from importlib import import_module
from typing import Annotated, Final

import typer

from penstock import __version__
from penstock.cli.output import Exit, exit_code, say
from penstock.core.errors import PenstockError

__all__ = ["app", "run"]

app = typer.Typer(
    name="penstock",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A self-hosted gateway and console for language models.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 could not tell.",
)

COMMANDS: Final = ("up", "gateway", "console", "sim", "signin", "doctor", "apply", "sync", "evals")
"""Modules whose `app` brings its commands under names of its own."""
GROUPS: Final = {
    "projects": "Projects: the tenant boundary of keys and traces.",
    "keys": "Virtual keys of a project.",
    "secrets": "Secrets of providers, stored sealed.",
    "prompts": "Prompts: rendered, estimated, as types.",
    "artifacts": "Versions of prompts, models, datasets and evaluators, and their labels.",
    "datasets": "Rows to measure with: files, traces, splits, checks.",
    "annotation": "Queues of answers that people label.",
    "webhooks": "Who is told of what happens to artifacts.",
    "routes": "Names that applications call, and what stands behind them.",
    "limits": "Rate limits and budgets.",
    "cache": "Answers that gateways keep for identical calls.",
    "scores": "Judgements of traces, spans and sessions.",
    "traces": "What happened: calls, their text, tokens and cost.",
    "sessions": "Conversations: calls that belong together.",
    "users": "End users of applications, under their hashes.",
    "dashboards": "Pages of charts over metrics.",
    "alerts": "Alert rules, their states, silences and channels.",
    "slos": "Objectives of service levels, budgets and burn rates.",
    "incidents": "What went wrong, who takes care, what was done.",
    "export": "Spans and scores as files.",
    "data": "What is kept: deletion, retention, disk.",
    "spans": "The store of spans: migration from one engine to the other.",
    "workers": "Gateway processes of a running Penstock.",
    "config": "The configuration file, penstock.yaml.",
}
"""Modules whose `app` is a group of commands of that name, with its help."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penstock {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A self-hosted gateway and console for language models."""


def _mount() -> None:
    for name in COMMANDS:
        app.add_typer(import_module(f"penstock.cli.commands.{name}").app)
    for name, text in GROUPS.items():
        app.add_typer(import_module(f"penstock.cli.commands.{name}").app, name=name, help=text)


_mount()


def run() -> None:
    """Run one command. Ends the process with the exit code that `Exit` describes."""
    try:
        app()
    except PenstockError as error:
        say(f"penstock: {error}")
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(Exit.UNKNOWN)
