"""Coverage: whether the questions of production have rows that are like them.

TF-IDF vectors (Sparck Jones 1972; Salton and Buckley 1988) of both; a question is covered where the cosine with its
nearest row is high enough. Questions are put into clusters by k-means++ (Arthur and Vassilvitskii 2007) on the leading
singular vectors (Deerwester et al. 1990), so that gaps have names.
"""

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np

from penstock.evals.datasets.checks.texts import words_of
from penstock.evals.datasets.checks.types import ClusterCoverage, Coverage

__all__ = ["coverage_of"]

MAX_TERMS: Final = 20_000
MAX_CLUSTERS: Final = 12
DIMENSIONS: Final = 50
TERMS: Final = 6
MISSING: Final = 3
MAX_SHOWN: Final = 300
BLOCK: Final = 500
"""Questions whose similarity to all rows is in memory at once."""


def coverage_of(questions: Sequence[str], rows: Sequence[str], *, near: float, seed: int = 0) -> Coverage:
    """How far rows stand for questions.

    Args:
        questions: Of production.
        rows: What the dataset asks.
        near: Cosine from which a row counts as near.
        seed: Of the clusters.
    """
    if not questions or not rows:
        return Coverage(compared=len(questions), rows=len(rows), covered=0.0, clusters=[])
    terms, matrix = _tf_idf([*questions, *rows])
    asked, known = matrix[: len(questions)], matrix[len(questions) :]
    best, _ = _nearest(asked, known)
    # Texts of words that all have are no vectors, and still the same.
    plain = {" ".join(words_of(row)) for row in rows}
    covered = (best >= near) | np.array([" ".join(words_of(one)) in plain for one in questions])
    labels = _clusters(asked, seed=seed)
    owner = labels[_nearest(known, asked)[1]]
    overall = np.asarray(asked.mean(axis=0)).ravel()
    clusters = [
        ClusterCoverage(
            terms=_terms(asked[labels == label], overall, terms),
            share=float((labels == label).mean()),
            covered=float(covered[labels == label].mean()),
            rows=int((owner == label).sum()),
            missing=[
                questions[int(place)][:MAX_SHOWN] for place in np.flatnonzero((labels == label) & ~covered)[:MISSING]
            ],
        )
        for label in np.unique(labels)
    ]
    return Coverage(
        compared=len(questions),
        rows=len(rows),
        covered=float(covered.mean()),
        clusters=sorted(clusters, key=lambda one: -one.share),
    )


def _tf_idf(texts: Sequence[str]) -> tuple[list[str], Any]:
    """Terms, and one normalised vector for each text: (1 + log count) · log(texts / texts with the term)."""
    sparse: Any = import_module("scipy.sparse")  # a second of processor time, which only checks need
    counted = [Counter(words_of(text)) for text in texts]
    documents = Counter(term for counts in counted for term in counts)
    # A word of all texts tells nothing, as does one of a single text.
    useful = [(term, number) for term, number in documents.most_common() if 1 < number < len(texts)]
    terms = [term for term, _ in useful[:MAX_TERMS]]
    place = {term: at for at, term in enumerate(terms)}
    weight = np.log(len(texts) / np.array([documents[term] for term in terms], dtype=np.float64))
    lines: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for line, counts in enumerate(counted):
        for term, count in counts.items():
            if (at := place.get(term)) is not None:
                lines.append(line)
                columns.append(at)
                values.append((1 + np.log(count)) * weight[at])
    matrix = sparse.csr_matrix((values, (lines, columns)), shape=(len(texts), max(1, len(terms))))
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    norms[norms == 0] = 1.0
    return terms, sparse.diags(1 / norms).dot(matrix).tocsr()


def _nearest(asked: Any, known: Any) -> tuple[Any, Any]:
    """The cosine with the nearest, and which that is."""
    best: list[Any] = []
    places: list[Any] = []
    across = known.T.tocsc()
    for begin in range(0, asked.shape[0], BLOCK):
        similarity = asked[begin : begin + BLOCK].dot(across)
        best.append(similarity.max(axis=1).toarray().ravel())
        places.append(np.asarray(similarity.argmax(axis=1)).ravel())
    return np.concatenate(best), np.concatenate(places)


def _clusters(asked: Any, *, seed: int) -> Any:
    """The cluster of each question."""
    linalg: Any = import_module("scipy.sparse.linalg")
    vq: Any = import_module("scipy.cluster.vq")
    count, width = asked.shape
    wanted = min(MAX_CLUSTERS, max(1, round((count / 10) ** 0.5)))
    dimensions = min(DIMENSIONS, min(count, width) - 1)
    if wanted < 2 or dimensions < 1 or asked.nnz == 0:
        return np.zeros(count, dtype=np.int64)
    left, singular, _ = linalg.svds(asked, k=dimensions, rng=np.random.default_rng(seed))
    places = left * singular
    norms = np.linalg.norm(places, axis=1, keepdims=True)
    norms[norms == 0] = 1.0
    return vq.kmeans2(places / norms, wanted, minit="++", missing="warn", rng=np.random.default_rng(seed))[1]


def _terms(members: Any, overall: Any, terms: Sequence[str]) -> list[str]:
    """Words that stand out among the members."""
    excess = np.asarray(members.mean(axis=0)).ravel() - overall
    return [terms[int(at)] for at in np.argsort(-excess)[:TERMS] if at < len(terms) and excess[at] > 0]
