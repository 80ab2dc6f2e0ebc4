"""Penstock: one gateway, one record, one gated path for every change.

Importing this package has no side effect and needs none of the server's dependencies.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
