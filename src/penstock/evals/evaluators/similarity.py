"""Evaluators that compare the answer's wording with the reference's."""

import importlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from penstock.core.errors import InvalidInput, MissingExtra, PenstockError
from penstock.evals.evaluators.definition import CodeDefinition, Definition, Found, Run, Services, type_of
from penstock.evals.evaluators.texts import Normalisation, normalise, references
from penstock.evals.evaluators.types import Item, Judgement, Unscored, Verdict

__all__ = ["Bleu", "Chrf", "EditDistance", "Embedding", "Rouge", "TokenOverlap", "optional"]


def optional(module: str, *, package: str, name: str = "metrics") -> Any:
    """A module of an optional package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(package, extra=name) from error


class EditDistance(CodeDefinition, frozen=True, kw_only=True, tag="edit_distance"):
    """How alike the answer and the nearest reference are, from 0 to 1, by edits of characters (Levenshtein)."""

    normalise: tuple[Normalisation, ...] = ("space",)
    distance: Literal["levenshtein", "damerau", "jaro_winkler"] = "levenshtein"

    def compile(self) -> Callable[[Item], Found]:
        similarity = _similarity(self.distance)

        def judge(item: Item) -> Verdict:
            output = normalise(item.output, self.normalise)
            return Verdict(max(similarity(output, normalise(one, self.normalise)) for one in references(item)))

        return judge


def _similarity(distance: str) -> Callable[[str, str], float]:
    library = optional("rapidfuzz.distance", package="rapidfuzz", name="server")
    name = {"levenshtein": "Levenshtein", "damerau": "DamerauLevenshtein", "jaro_winkler": "JaroWinkler"}[distance]
    found: Callable[[str, str], float] = getattr(library, name).normalized_similarity
    return found


class TokenOverlap(CodeDefinition, frozen=True, kw_only=True, tag="token_overlap"):
    """Words that the answer shares with the nearest reference, as SQuAD scores answers (Rajpurkar et al. 2016)."""

    normalise: tuple[Normalisation, ...] = ("case", "punctuation", "articles", "space")
    give: Literal["f1", "precision", "recall"] = "f1"

    def compile(self) -> Callable[[Item], Found]:
        def judge(item: Item) -> Verdict:
            output = normalise(item.output, self.normalise).split()
            return Verdict(max(self._score(output, normalise(one, self.normalise).split()) for one in references(item)))

        return judge

    def _score(self, output: Sequence[str], reference: Sequence[str]) -> float:
        if not output or not reference:
            return float(output == reference)
        shared = (Counter(output) & Counter(reference)).total()
        precision, recall = shared / len(output), shared / len(reference)
        if self.give == "f1":
            return 2 * precision * recall / (precision + recall) if shared else 0.0
        return precision if self.give == "precision" else recall


class Rouge(CodeDefinition, frozen=True, kw_only=True, tag="rouge"):
    """ROUGE against the nearest reference (Lin 2004), as `rouge-score` computes it."""

    variant: Literal["rouge1", "rouge2", "rougeL", "rougeLsum"] = "rougeL"
    give: Literal["f1", "precision", "recall"] = "f1"
    stem: bool = False
    """English words by their stem."""

    def compile(self) -> Callable[[Item], Found]:
        library = optional("rouge_score.rouge_scorer", package="rouge-score")
        scorer = library.RougeScorer([self.variant], use_stemmer=self.stem)
        name = {"f1": "fmeasure"}.get(self.give, self.give)

        def judge(item: Item) -> Verdict:
            found = [scorer.score(one, item.output)[self.variant] for one in references(item)]
            return Verdict(max(float(getattr(one, name)) for one in found))

        return judge


class Bleu(CodeDefinition, frozen=True, kw_only=True, tag="bleu"):
    """BLEU of the one answer, from 0 to 1 (Papineni et al. 2002), with sacreBLEU's tokens and smoothing.

    References count together. An item's BLEU is no part of a corpus's: compare means of items with each other only.
    """

    lowercase: bool = False

    def compile(self) -> Callable[[Item], Found]:
        metric = optional("sacrebleu.metrics", package="sacrebleu").BLEU(effective_order=True, lowercase=self.lowercase)
        return lambda item: Verdict(_hundredths(metric.sentence_score(item.output, references(item))))


class Chrf(CodeDefinition, frozen=True, kw_only=True, tag="chrf"):
    """chrF of the one answer, from 0 to 1 (Popović 2015): n-grams of characters, for any language."""

    word_order: Literal[0, 1, 2] = 0
    """2 is chrF++."""

    def compile(self) -> Callable[[Item], Found]:
        metric = optional("sacrebleu.metrics", package="sacrebleu").CHRF(word_order=self.word_order)
        return lambda item: Verdict(_hundredths(metric.sentence_score(item.output, references(item))))


def _hundredths(score: Any) -> float:
    return min(1.0, float(score.score) / 100)


class Embedding(Definition, frozen=True, kw_only=True, tag="embedding"):
    """Cosine of the answer's and the nearest reference's embeddings, from -1 to 1."""

    paid = True

    model: str
    """A route of the gateway that gives embeddings."""

    @property
    def by_model(self) -> bool:
        """A model places texts; what the value is, is computed."""
        return False

    def build(self, services: Services) -> Run:
        embed, name = services.embed, self.name or type_of(self)
        if embed is None:
            raise InvalidInput(
                "This evaluator compares embeddings, and nothing here makes any.",
                hint="Run it where a gateway is configured.",
            )

        async def run(item: Item) -> list[Judgement]:
            try:
                vectors = await embed([item.output, *references(item)], model=self.model)
                output, *others = vectors
                return [Verdict(max(_cosine(output, one) for one in others)).judgement(name)]
            except Unscored as error:
                return [Judgement(name=name, error=error.reason)]
            except (PenstockError, TimeoutError, ValueError) as error:
                return [Judgement(name=name, error=f"There is no embedding: {error}")]

        return run


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    size = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not size:
        raise ValueError("the vectors are empty or differ in length.")
    return sum(a * b for a, b in zip(one, other, strict=True)) / size
