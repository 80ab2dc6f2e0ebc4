"""One question to a judge, and its verdict read leniently but never guessed."""

import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from penstock.core.errors import InvalidInput, PenstockError
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.ports import Ask, AskRequest, Reply
from penstock.evals.evaluators.types import Unscored

__all__ = ["Purse", "ask", "asker", "candidates", "read_verdict"]

T = TypeVar("T", bound=msgspec.Struct)
_FENCED: Final = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
_SHOWN: Final = 200


class Purse:
    """What the questions of one judgement cost together: unknown as soon as one is."""

    __slots__ = ("_known", "_total")

    def __init__(self) -> None:
        self._total = 0
        self._known = True

    def add(self, reply: Reply) -> None:
        if reply.cost is None:
            self._known = False
        else:
            self._total += reply.cost

    @property
    def cost(self) -> int | None:
        return self._total if self._known else None


def asker(services: Services) -> Ask:
    """What asks models.

    Raises:
        InvalidInput: nothing does.
    """
    if services.ask is None:
        raise InvalidInput(
            "A judge asks a model, and nothing here can be asked.",
            field="model",
            hint="Run it where a gateway is configured.",
        )
    return services.ask


async def ask(asked: Ask, request: AskRequest, verdict: type[T], *, purse: Purse) -> tuple[T, Reply]:
    """The verdict of a judge.

    Raises:
        Unscored: there is none, or it cannot be understood.
    """
    try:
        reply = await asked(request)
    except TimeoutError:
        raise Unscored("The judge did not answer in time.") from None
    except PenstockError as error:
        raise Unscored(f"The judge could not be asked: {error.message}") from None
    purse.add(reply)
    return read_verdict(reply.text, verdict), reply


def read_verdict(text: str, verdict: type[T]) -> T:
    """The verdict that a judge's text holds: JSON alone, in a fence, or with words around it.

    Numbers may be written as texts. What is missing, of another type or no number is not made up.

    Raises:
        Unscored: no part of the text is such a verdict.
    """
    reason = "there is no JSON object in it"
    for candidate in candidates(text):
        try:
            value: Any = msgspec.json.decode(candidate)
            if isinstance(value, dict):
                return msgspec.convert(value, verdict, strict=False)
        except msgspec.ValidationError as error:
            reason = str(error)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            continue
    shown = " ".join(text.split())[:_SHOWN]
    raise Unscored(f"The judge's answer cannot be read: {reason}. It begins {shown!r}.", raw=text)


def candidates(text: str) -> Iterator[str]:
    """Parts of a model's text that may be its JSON, the likeliest first."""
    yield text
    yield from reversed(_FENCED.findall(text))
    starts = [place for place, one in enumerate(text) if one == "{"]
    end = text.rfind("}")
    # The last object is the verdict; what stands before may be a draft of it. A bounded number is tried.
    whole = [start for start in starts if start < end]
    for start in [*whole[:1], *reversed(whole[-20:])]:
        yield text[start : end + 1]
