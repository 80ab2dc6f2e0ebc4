"""`penstock routes`: list, show, set, delete."""

from penstock.cli.definitions import definition_app

__all__ = ["app"]

app = definition_app("route")
