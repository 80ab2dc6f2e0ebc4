"""`python -m penstock.cli` is `penstock`."""

from penstock.cli.main import run

run()
