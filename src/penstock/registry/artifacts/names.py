"""Checks of what people call things."""

import re
from typing import Final

from penstock.core.errors import InvalidInput
from penstock.registry.artifacts.types import LATEST

__all__ = ["check_branch", "check_label", "check_name", "check_tags", "check_text"]

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._/-]{0,127}", re.ASCII)
SHORT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
MAX_TAGS: Final = 50


def check_name(name: str, *, field: str = "name") -> str:
    """Raise unless this can be an artifact's name: also a path of a file, and part of an address."""
    parts = name.split("/")
    plain = NAME.fullmatch(name) is not None and all(parts) and not any(part.startswith(".") for part in parts)
    if not plain or name.endswith(".") or UUID.fullmatch(name):
        raise InvalidInput(
            f"Expected a name of 1 to 128 of a-z, 0-9, dots, dashes and underscores, with slashes between folders; "
            f"got {_shown(name)}.",
            field=field,
            hint="It begins with a letter or digit, as every folder begins with no dot, and is no UUID.",
        )
    return name


def check_label(label: str, *, field: str = "label") -> str:
    """Raise unless this can be a label that is moved. Digits alone would be read as a version's number."""
    if label == LATEST:
        raise InvalidInput(
            f"The label {LATEST} is always the newest version of main, and is not moved.",
            field=field,
            code="label_reserved",
        )
    if SHORT.fullmatch(label) is None or label.isdigit() or re.fullmatch(r"[0-9a-f]{64}", label):
        raise InvalidInput(
            f"Expected a label of 1 to 63 of a-z, 0-9, dots, dashes and underscores, not digits alone; "
            f"got {_shown(label)}.",
            field=field,
        )
    return label


def check_branch(branch: str, *, field: str = "branch") -> str:
    """Raise unless this can be a branch's name."""
    if SHORT.fullmatch(branch) is None:
        raise InvalidInput(
            f"Expected a branch of 1 to 63 of a-z, 0-9, dots, dashes and underscores; got {_shown(branch)}.",
            field=field,
        )
    return branch


def check_tags(tags: list[str], *, field: str = "tags") -> list[str]:
    """The tags, each once, in order."""
    found = sorted(set(tags))
    if len(found) > MAX_TAGS:
        raise InvalidInput(f"Expected at most {MAX_TAGS} tags, got {len(found)}.", field=field)
    for tag in found:
        if SHORT.fullmatch(tag) is None:
            raise InvalidInput(
                f"Expected tags of 1 to 63 of a-z, 0-9, dots, dashes and underscores; got {_shown(tag)}.", field=field
            )
    return found


def check_text(text: str, *, field: str, most: int, least: int = 0) -> str:
    """Raise unless a text has this many characters, none of them a control character but line ends and tabs."""
    plain = all(character.isprintable() or character in "\n\r\t" for character in text)
    if not least <= len(text.strip()) or len(text) > most or not plain:
        raise InvalidInput(
            f"Expected `{field}` with {least} to {most} printable characters, got {len(text)}.", field=field
        )
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
