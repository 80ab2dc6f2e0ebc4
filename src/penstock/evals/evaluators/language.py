"""In which language an answer is."""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.similarity import optional
from penstock.evals.evaluators.texts import normalise
from penstock.evals.evaluators.types import Item, Unscored, Verdict

__all__ = ["Language"]


class Language(CodeDefinition, frozen=True, kw_only=True, tag="language"):
    """Whether the answer is in a language; or which language it is in. By py3langid, for 97 languages."""

    expected: str | list[str] | None = None
    """ISO 639-1, as `de`; one of several. None gives the language itself."""
    same_as: Literal["input", "reference"] | None = None
    """The language of the item's input or reference is expected."""
    least: int = 20
    """Characters below which a text is too short to tell."""

    def compile(self) -> Callable[[Item], Found]:
        if self.expected is not None and self.same_as is not None:
            raise InvalidInput("Expected either expected or same_as, got both.", field="same_as")
        identifier = _identifier()
        wanted = [self.expected] if isinstance(self.expected, str) else self.expected or []
        strange = [one for one in wanted if one not in set(identifier.labels)]
        if strange:
            raise InvalidInput(
                f"Expected a language as ISO 639-1 has it, as de, got {strange[0][:20]!r}.", field="expected"
            )

        def judge(item: Item) -> Verdict:
            found = self._language(item.output, "answer")
            if self.same_as is not None:
                other: Any = item.input if self.same_as == "input" else item.reference
                if not isinstance(other, str):
                    raise Unscored(f"The item's {self.same_as} is no text.")
                expected = [self._language(other, self.same_as)]
            elif self.expected is None:
                return Verdict(found)
            else:
                expected = wanted
            right = found in expected
            return Verdict(right, None if right else f"It is in {found}, not in {' or '.join(expected)}.", found)

        return judge

    def _language(self, text: str, what: str) -> str:
        text = normalise(text, ("space",))
        if len(text) < self.least:
            raise Unscored(f"The {what} has {len(text)} characters, too few to tell its language.")
        return str(_identifier().classify(text)[0])


@cache
def _identifier() -> Any:
    library = optional("py3langid.langid", package="py3langid")
    return library.LanguageIdentifier.from_model_file(library.MODEL_FILE)
