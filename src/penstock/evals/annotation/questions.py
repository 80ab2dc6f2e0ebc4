"""Rubrics: whether their questions can be asked, and whether answers fit them."""

import math
from collections.abc import Sequence
from typing import Final

from penstock.core.errors import InvalidInput
from penstock.evals.annotation.types import Answers, NewQueue, Question
from penstock.wire.scoring import Value, check_comment, check_name

__all__ = ["check_answers", "check_kept", "check_queue", "same_answer"]

MAX_QUESTIONS: Final = 30
MAX_GUIDANCE: Final = 10_000
MAX_CATEGORIES: Final = 50
MAX_TEXT: Final = 4000
MAX_ANNOTATORS: Final = 200


def check_queue(new: NewQueue) -> NewQueue:
    """Raise `InvalidInput` unless people can be asked this."""
    if not 0 < len(new.name.strip()) <= 100:
        raise InvalidInput("Expected a name of 1 to 100 characters.", field="name")
    if not 1 <= len(new.questions) <= MAX_QUESTIONS:
        raise InvalidInput(f"Expected 1 to {MAX_QUESTIONS} questions, got {len(new.questions)}.", field="questions")
    names = [question.name for question in new.questions]
    if len(set(names)) != len(names):
        raise InvalidInput("Expected each question's name once.", field="questions")
    for number, question in enumerate(new.questions):
        _check_question(question, f"questions[{number}]")
    if not (math.isfinite(new.doubled) and 0 <= new.doubled <= 1):
        raise InvalidInput(f"Expected a share from 0 to 1, got {new.doubled:g}.", field="doubled")
    if not 60 <= new.lease_seconds <= 86_400:
        raise InvalidInput(f"Expected 60 to 86400 seconds, got {new.lease_seconds}.", field="lease_seconds")
    if len(new.annotators) > MAX_ANNOTATORS or len(set(new.annotators)) != len(new.annotators):
        raise InvalidInput(f"Expected at most {MAX_ANNOTATORS} annotators, each once.", field="annotators")
    return new


def check_kept(before: Sequence[Question], after: Sequence[Question]) -> None:
    """Raise `InvalidInput` unless answers to the questions before fit those after, and none is lost."""
    now = {question.name: question for question in after}
    for question in before:
        field = f"questions[{question.name}]"
        new = now.get(question.name)
        if new is None:
            raise InvalidInput(
                "This question was answered already: it cannot go, nor have another name.",
                hint="Make it optional, or make another queue.",
                field=field,
            )
        same = (new.type, new.least, new.most) == (question.type, question.least, question.most)
        if not same or not set(question.categories) <= set(new.categories):
            raise InvalidInput(
                "This question was answered already: its type and bounds stay, and categories are only added.",
                hint="Ask another question beside it, or make another queue.",
                field=field,
            )


def check_answers(questions: Sequence[Question], answers: Answers, *, field: str = "answers") -> Answers:
    """The answers, numbers as numbers.

    Raises:
        InvalidInput: one does not fit its question, one that is required is missing, or there is no such question.
    """
    known = {question.name: question for question in questions}
    strange = next((name for name in answers if name not in known), None)
    if strange is not None:
        raise InvalidInput(f"There is no question {strange[:64]!r}; there are {', '.join(known)}.", field=field)
    missing = next((one.name for one in questions if one.required and answers.get(one.name) is None), None)
    if missing is not None:
        raise InvalidInput(f"The question {missing} is not answered.", field=f"{field}.{missing}")
    return {name: _checked(known[name], value, f"{field}.{name}") for name, value in answers.items()}


def same_answer(question: Question, one: Value, other: Value) -> bool:
    """Whether two answers are the same; texts but for case and space."""
    if question.type == "text":
        return " ".join(str(one).split()).casefold() == " ".join(str(other).split()).casefold()
    return one == other


def _check_question(question: Question, field: str) -> None:
    check_name(question.name)
    if len(question.guidance) > MAX_GUIDANCE:
        raise InvalidInput(f"Guidance has at most {MAX_GUIDANCE} characters.", field=f"{field}.guidance")
    if (question.type == "category") != bool(question.categories):
        raise InvalidInput("A question for a category, and no other, has categories.", field=f"{field}.categories")
    if question.categories and not (
        2 <= len(set(question.categories)) == len(question.categories) <= MAX_CATEGORIES
        and all(0 < len(one) <= 100 for one in question.categories)
    ):
        raise InvalidInput(
            f"Expected 2 to {MAX_CATEGORIES} categories of up to 100 characters, each once.",
            field=f"{field}.categories",
        )
    bounds = [one for one in (question.least, question.most) if one is not None]
    if bounds and (question.type != "number" or not all(map(math.isfinite, bounds)) or bounds != sorted(bounds)):
        raise InvalidInput("Only a number has bounds, and the least is below the most.", field=f"{field}.least")


def _checked(question: Question, value: Value, field: str) -> Value:
    match question.type:
        case "boolean":
            fits = isinstance(value, bool)
            expected = "true or false"
        case "category":
            fits = isinstance(value, str) and value in question.categories
            expected = f"one of {', '.join(question.categories)}"
        case "number":
            number = not isinstance(value, bool | str) and math.isfinite(value)
            low = -math.inf if question.least is None else question.least
            high = math.inf if question.most is None else question.most
            fits = number and low <= float(value) <= high
            expected = "a number" if math.inf == high == -low else f"a number from {low:g} to {high:g}"
        case "text":
            fits = isinstance(value, str) and 0 < len(value.strip()) <= MAX_TEXT
            expected = f"a text of 1 to {MAX_TEXT} characters"
            if fits:
                check_comment(str(value))
    if not fits:
        raise InvalidInput(f"Expected {expected}, got {str(value)[:60]!r}.", field=field)
    return float(value) if question.type == "number" else value
