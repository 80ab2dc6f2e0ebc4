"""The one service of identity, in parts: projects, keys, people."""

from penstock.identity.service.identity import IdentityService

__all__ = ["IdentityService"]
