"""The language in which people look for spans; docs/search.md describes it."""

from penstock.tracing.query.parser import parse
from penstock.tracing.query.text import to_text
from penstock.tracing.query.types import QueryError

__all__ = ["QueryError", "parse", "to_text"]
