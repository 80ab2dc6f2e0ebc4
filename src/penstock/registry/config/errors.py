"""All that is wrong with a configuration file, at once."""

import difflib
from collections.abc import Iterable

from penstock.core.errors import ConfigError

__all__ = ["InvalidConfig", "nearest"]


class InvalidConfig(ConfigError):
    """A configuration file has errors. It is itself the first of them; `errors` are all, in the file's order."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.line or 0))
        first = self.errors[0]
        super().__init__(first.message, file=first.file, line=first.line, field=first.field, hint=first.hint)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """“Did you mean …?” for the candidate that is spelled most like a name, when one is."""
    known = list(candidates)
    by_case = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_case, n=1, cutoff=0.6)
    return f"Did you mean '{by_case[close[0]]}'?" if close else None
