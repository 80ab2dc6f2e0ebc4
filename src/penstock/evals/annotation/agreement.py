"""How good labels are: agreement on items that several labelled, accuracy on golden ones."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from statistics import median

from penstock.core.errors import InvalidInput
from penstock.evals.annotation.questions import same_answer
from penstock.evals.annotation.types import (
    Agreement,
    AnnotationItem,
    AnnotatorProgress,
    GoldenResult,
    ItemLabel,
    LabelledItem,
    Question,
)
from penstock.evals.statistics.agreement import krippendorff_alpha
from penstock.evals.statistics.proportions import wilson
from penstock.evals.statistics.types import Estimate
from penstock.wire.scoring import Value

__all__ = ["agreement_of", "disagree", "golden_results", "progress_of"]

PAUSE = 600_000_000
"""Microseconds; who waits longer between two labels does something else."""


def agreement_of(questions: Sequence[Question], labelled: Sequence[LabelledItem]) -> list[Agreement]:
    """Agreement on each question; golden items do not count, since their answers are known."""
    return [_agreement(question, labelled) for question in questions]


def golden_results(questions: Sequence[Question], labelled: Iterable[LabelledItem]) -> list[GoldenResult]:
    """How often each annotator was right, the least accurate first."""
    known = {question.name: question for question in questions}
    right: Counter[tuple[str, str]] = Counter()
    answered: Counter[tuple[str, str]] = Counter()
    for one in labelled:
        for label in one.labels:
            for name, truth in (one.item.golden or {}).items():
                answer = label.answers.get(name)
                if answer is not None and name in known:
                    answered[label.annotator, name] += 1
                    right[label.annotator, name] += same_answer(known[name], answer, truth)
    found = [
        GoldenResult(
            annotator=annotator,
            question=name,
            right=right[annotator, name],
            answered=count,
            accuracy=wilson(right[annotator, name], count),
        )
        for (annotator, name), count in answered.items()
    ]
    return sorted(found, key=lambda one: (one.accuracy.value, -one.answered, one.annotator, one.question))


def disagree(questions: Sequence[Question], one: LabelledItem) -> bool:
    """Whether people answered a question about an item differently; texts and golden items do not count."""
    asked = [question for question in questions if question.type != "text"]
    return any(
        not same_answer(question, first, other)
        for question in asked
        for first, *others in [_answers(one.item, one.labels, question.name) or [None]]
        for other in others
        if first is not None and other is not None
    )


def progress_of(labels: Iterable[ItemLabel]) -> list[AnnotatorProgress]:
    """What each annotator did, those who did most first."""
    by: dict[str, list[ItemLabel]] = {}
    for label in labels:
        by.setdefault(label.annotator, []).append(label)
    found = [
        AnnotatorProgress(
            annotator=annotator,
            labelled=sum(one.skipped is None for one in given),
            skipped=sum(one.skipped is not None for one in given),
            last=max(one.created for one in given),
            median_seconds=_pace([one.created for one in given]),
        )
        for annotator, given in by.items()
    ]
    return sorted(found, key=lambda one: (-one.labelled, one.annotator))


def _pace(times: Sequence[int]) -> float | None:
    between = [later - earlier for earlier, later in pairwise(sorted(times)) if later - earlier <= PAUSE]
    return median(between) / 1_000_000 if between else None


def _agreement(question: Question, labelled: Sequence[LabelledItem]) -> Agreement:
    ratings = [found for one in labelled if len(found := _answers(one.item, one.labels, question.name)) > 1]
    pairs = [pair for answers in ratings for pair in combinations(answers, 2)]
    same = [same_answer(question, one, other) for one, other in pairs]
    return Agreement(
        question=question.name,
        items=len(ratings),
        same=sum(same) / len(same) if same else None,
        alpha=_alpha(question, ratings),
    )


def _alpha(question: Question, ratings: Sequence[Sequence[Value]]) -> Estimate | None:
    if question.type == "text" or len(ratings) < 2:
        return None
    try:
        found = krippendorff_alpha(ratings, measure="interval" if question.type == "number" else "nominal")
    except InvalidInput:
        return None
    # Where everybody always says the same, agreement cannot be told from chance; JSON has no NaN either.
    return None if any(map(math.isnan, (found.value, found.interval.low, found.interval.high))) else found


def _answers(item: AnnotationItem, labels: Iterable[ItemLabel], question: str) -> list[Value]:
    if item.golden is not None:
        return []
    return [value for label in labels if (value := label.answers.get(question)) is not None]
