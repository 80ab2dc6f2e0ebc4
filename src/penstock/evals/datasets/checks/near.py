"""Near-duplicates: rows whose texts share most of their word triples.

MinHash signatures (Broder, "On the resemblance and containment of documents", 1997) in an index of locality-sensitive
hashing (Indyk and Motwani, STOC 1998), by `datasketch`.
"""

from importlib import import_module
from typing import Any, Final, cast
from zlib import crc32

from penstock.evals.datasets.checks.texts import words_of

__all__ = ["Similar"]

PERMUTATIONS: Final = 128
TRIPLE: Final = 3
SHORT: Final = 5
"""Texts of fewer words are compared by runs of characters: a triple would be nearly all of them."""
CHARACTERS: Final = 4
MOST_CANDIDATES: Final = 50


class Similar:
    """Finds, for each text, one before it that is nearly the same.

    Args:
        threshold: Jaccard similarity, 0.5 to 1. The estimate is off by about 0.04.
    """

    def __init__(self, threshold: float) -> None:
        # It loads SciPy: two seconds of processor time, which only checks need.
        datasketch: Any = import_module("datasketch")
        self._threshold = threshold
        self._empty = datasketch.MinHash(num_perm=PERMUTATIONS, hashfunc=crc32)
        self._index = datasketch.MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
        self._known: list[tuple[Any, str]] = []

    def add(self, id_: str, text: str) -> tuple[str, float] | None:
        """The id of a text before this one that is nearly the same, and how similar it is; None where there is none.

        A text that has one is not compared with later ones: these are compared with the first of its kind.
        """
        shingles = _shingles(text)
        if not shingles:
            return None
        signature = self._empty.copy()
        signature.update_batch(shingles)
        best: tuple[str, float] | None = None
        for place in cast("list[int]", self._index.query(signature))[:MOST_CANDIDATES]:
            other, other_id = self._known[place]
            similarity = float(signature.jaccard(other))
            if similarity >= self._threshold and (best is None or similarity > best[1]):
                best = (other_id, similarity)
        if best is None:
            self._index.insert(len(self._known), signature, check_duplication=False)
            self._known.append((signature, id_))
        return best


def _shingles(text: str) -> list[bytes]:
    words = words_of(text)
    units, length, space = (words, TRIPLE, " ") if len(words) >= SHORT else (list(" ".join(words)), CHARACTERS, "")
    if not units:
        return []
    found = {space.join(units[at : at + length]) for at in range(max(1, len(units) - length + 1))}
    return [one.encode("utf-8", "surrogatepass") for one in found]
