"""`penstock users`: list, get."""

from penstock.cli.activity import activity_app

__all__ = ["app"]

app = activity_app("user")
