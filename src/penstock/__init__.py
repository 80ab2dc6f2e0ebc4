"""Penstock: one gateway, one record, one gated path for every change.

Importing this package has no side effect and needs none of the server's dependencies. `context` and
`headers` are loaded when they are first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.sdk.context import context, headers

__version__ = "0.1.0"
__all__ = ["__version__", "context", "headers"]


def __getattr__(name: str) -> Any:
    if name not in {"context", "headers"}:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    from penstock.sdk import context as sdk  # noqa: PLC0415 - keeps `import penstock` light

    return getattr(sdk, name)


def __dir__() -> list[str]:
    return sorted(__all__)
