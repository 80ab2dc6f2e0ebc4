"""What functions of the user's are known by."""

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["source_of"]


def source_of(function: Callable[..., Any]) -> list[str]:
    """The function's name and source, so that a change of it asks anew. What it calls is not looked at."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = repr(type(function))
    return [str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", "")), source]
