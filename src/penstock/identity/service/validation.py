"""Checks of what people type: names, scopes, model patterns, roles."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from penstock.core.errors import InvalidInput
from penstock.identity.types import PERMISSIONS, ROLE_PERMISSIONS, Role, as_role, is_permission

__all__ = ["check_expiry", "check_models", "check_name", "check_project_name", "check_role", "check_scopes"]

MAX_NAME = 100
MAX_MODELS = 200
MAX_PATTERN = 200
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def check_name(name: str, *, field: str = "name") -> str:
    """A name for people to read, without the blanks around it."""
    text = name.strip()
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise InvalidInput(
            f"A name has 1 to {MAX_NAME} printable characters; this one has {len(text)}"
            f"{' and holds control characters' if text and not text.isprintable() else ''}.",
            field=field,
        )
    return text


def check_project_name(name: str) -> str:
    """A project's name stands in addresses and on command lines, and must not be taken for an id."""
    if _PROJECT.fullmatch(name) is None or _UUID.fullmatch(name):
        raise InvalidInput(
            "A project's name has 1 to 63 letters, digits, dots, dashes and underscores, begins with a letter or "
            "digit, and is not a UUID.",
            field="name",
        )
    return name


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(scopes)
    if not wanted:
        raise InvalidInput(
            "A key needs at least one scope, and none came.",
            field="scopes",
            hint="Leave the field out for a usual key.",
        )
    for scope in sorted(scope for scope in wanted if not is_permission(scope)):
        near = get_close_matches(scope, PERMISSIONS, n=1, cutoff=0.5)
        raise InvalidInput(
            f"{_shown(scope)} is not a scope.",
            field="scopes",
            hint=f"Did you mean {near[0]!r}?" if near else f"Scopes are: {', '.join(sorted(PERMISSIONS))}.",
        )
    return wanted


def check_models(models: Iterable[str]) -> list[str]:
    """Patterns of an allow-list: `provider/model` or alias names, `*` for any run of characters."""
    patterns = list(dict.fromkeys(models))
    if len(patterns) > MAX_MODELS:
        raise InvalidInput(f"A key names at most {MAX_MODELS} models; {len(patterns)} came.", field="models")
    for index, pattern in enumerate(patterns):
        place = f"models[{index}]"
        if not pattern or len(pattern) > MAX_PATTERN or not pattern.isprintable() or any(c.isspace() for c in pattern):
            raise InvalidInput(
                f"A model pattern has 1 to {MAX_PATTERN} printable characters and no blanks.",
                field=place,
                hint="Write provider/model or an alias; * stands for any run of characters.",
            )
        if any(c in pattern for c in "?[]{}"):
            raise InvalidInput(
                f"{_shown(pattern)} uses a wildcard that is not known here.",
                field=place,
                hint="Only * is a wildcard: it stands for any run of characters.",
            )
    return patterns


def check_expiry(expires: int | None, *, now: int) -> int | None:
    if expires is None or now < expires < 1 << 62:
        return expires
    raise InvalidInput(
        f"A key expires in the future, in microseconds since 1970; {expires} is not, now is {now}.",
        field="expires",
        hint="Multiply seconds by 1,000,000." if 0 < expires < now // 1000 else None,
    )


def check_role(role: str) -> Role:
    known = as_role(role)
    if known is None:
        raise InvalidInput(
            f"{_shown(role)} is not a role.", field="role", hint=f"Roles are: {', '.join(ROLE_PERMISSIONS)}."
        )
    return known


def _shown(text: str) -> str:
    """What came, cut short: an error must not carry a megabyte of input."""
    return repr(text if len(text) <= 60 else text[:60] + "…")
