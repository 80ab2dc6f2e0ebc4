"""Where the words of an answer come from: templates, the question itself, or recorded answers."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from random import Random
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.ask import Ask
from penstock.simulator.config import ReplayConfig, SimulatorConfig

__all__ = ["Replay", "TextSource", "nouns_of", "reasoning_text"]

ENDING: Final = 200
"""Characters at a question's end that say what it is about."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_NOUN = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]+(?: [A-Z][a-z]+)*\b")
_STOP_WORD = re.compile(
    r"an?|and|are|at|be|by|can|could|do(es)?|for|from|give|have|how|i[ns]?|it|me|my|o[fnr]|please|should|tell"
    r"|that|the(ir)?|this|to|was|wh(at|en|ere|ich|o|y)|will|with|would|your?",
    re.IGNORECASE,
)
_OPENINGS: Final = (
    "Here is a short answer about {topic}.",
    "In short, {topic} comes down to a few things.",
    "Let us look at {topic} step by step.",
    "There are two sides to {topic}.",
)
_SENTENCES: Final = (
    "The first thing to note about {topic} is how it depends on {other}.",
    "In practice, {topic} is measured before it is changed.",
    "Most people meet {topic} through {other} and only later ask why it works.",
    "A small example makes this clear: take {other}, change one thing, and compare.",
    "The cost grows with size, so it pays to keep {topic} simple.",
    "When {other} fails, {topic} should fail in a way that can be seen.",
    "That holds for {topic} as much as for {other}.",
    "Two numbers matter here, {first} and {second}, and the ratio between them.",
    "If the input is twice as large, expect about {first} times the work.",
    "Finally, write down what was decided about {topic}, and why.",
)
_THOUGHTS: Final = (
    "The question is about {topic}.",
    "I should check what is asked before answering.",
    "One way is to start from {other}.",
    "That gives {first}, which looks right.",
    "Another way gives {second}, so I compare the two.",
    "The first way is simpler, and it fits {topic}.",
)


def nouns_of(text: str) -> list[str]:
    """Proper nouns of a text, in order, once each."""
    return list(dict.fromkeys(_NOUN.findall(text[:4000])))


@lru_cache(maxsize=1024)
def _topics(ending: str) -> tuple[str, str]:
    """Two words that the end of a question is about."""
    words = [word for word in _WORD.findall(ending) if not _STOP_WORD.fullmatch(word)]
    if not words:
        return "this", "the rest"
    return words[-1], words[len(words) // 2]


def _fill(templates: tuple[str, ...], question: str, random: Random, *, tokens: int) -> list[str]:
    """Sentences until there are about so many tokens of them."""
    topic, other = _topics(question[-ENDING:])
    made: list[str] = []
    length = 0
    while length < tokens * 5:
        sentence = random.choice(templates).format(
            topic=topic, other=other, first=random.randint(2, 99), second=random.randint(100, 999)
        )
        made.append(sentence)
        length += len(sentence) + 1
    return made


def reasoning_text(question: str, random: Random, *, tokens: int) -> str:
    """Thoughts about a question, at least so many tokens of them in all likelihood."""
    return " ".join(_fill(_THOUGHTS, question, random, tokens=tokens))


class Replay:
    """Recorded answers, found by their question.

    Raises:
        InvalidInput: the file cannot be read, is not JSONL, or no line has the named fields.
    """

    def __init__(self, config: ReplayConfig) -> None:
        self._answers: dict[str, dict[str, str]] = {}
        fields = dict(config.answers) or {"*": "answer"}
        try:
            with config.file.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        self._add(line, fields, question=config.question, place=f"{config.file}:{number}")
        except OSError as error:
            raise InvalidInput(f"The replay file {config.file} cannot be read: {error.strerror}.") from error
        if not self._answers:
            raise InvalidInput(
                f"No line of {config.file} has a question in {config.question!r} and an answer in "
                f"{', '.join(sorted(fields.values()))}.",
                hint="Name the fields: --replay-question FIELD --replay-answers MODEL=FIELD.",
            )

    def _add(self, line: bytes, fields: Mapping[str, str], *, question: str, place: str) -> None:
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise InvalidInput(f"{place}: expected a JSON object on each line: {error}.") from error
        asked = _field(record, question)
        answers = {model: answer for model, path in fields.items() if isinstance(answer := _field(record, path), str)}
        if isinstance(asked, str) and answers:
            self._answers[_normal(asked)] = answers

    def find(self, question: str, model: str) -> str | None:
        """The recorded answer of a model, or None. A question is also found at the end of a longer text."""
        known = self._answers.get(_normal(question))
        if known is None and "\n" in question:
            known = self._answers.get(_normal(question.rsplit("\n", 1)[-1]))
        if known is None:
            return None
        exact = known.get(model)
        if exact is not None:
            return exact
        return next((answer for name, answer in known.items() if fnmatchcase(model, name)), None)


def _normal(question: str) -> str:
    return " ".join(question.split()).casefold()


def _field(record: Any, path: str) -> Any:
    """The value at a dotted path; a name that itself holds dots is tried first."""
    if not isinstance(record, dict):
        return None
    fields = cast("dict[str, Any]", record)
    if path in fields:
        return fields[path]
    head, dot, rest = path.partition(".")
    return _field(fields.get(head), rest) if dot else None


class TextSource:
    """Writes the text of answers as the configuration says."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._echo = config.text == "echo"
        self._replay = None if config.replay is None else Replay(config.replay)

    def write(self, ask: Ask, random: Random, *, tokens: int) -> tuple[str, bool]:
        """The text of one answer, and whether its length is its own (recorded, echoed) rather than `tokens`."""
        if self._replay is not None:
            recorded = self._replay.find(ask.question, ask.model)
            if recorded is not None:
                return recorded, True
        if ask.tool_results:
            return f"The tools say: {'; '.join(ask.tool_results)}.", True
        if self._echo:
            return ask.question, True
        opening = _fill(_OPENINGS, ask.question, random, tokens=1)
        return " ".join(opening + _fill(_SENTENCES, ask.question, random, tokens=tokens)), False
