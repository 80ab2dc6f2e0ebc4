"""`/v1/moderations` and `/v1/rerank`: judgements of texts, by simple and stated rules."""

import re
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.dialects.embeddings import embed
from penstock.simulator.endpoints.types import Asked, Reply, encode, read_json
from penstock.simulator.tokens import count_tokens

__all__ = ["moderate", "rerank"]

CATEGORIES: Final = {
    "harassment": re.compile(r"\b(?:idiot|stupid|loser)s?\b", re.IGNORECASE),
    "violence": re.compile(r"\b(?:kill|murder|stab|shoot)\w*\b", re.IGNORECASE),
    "self-harm": re.compile(r"\bsuicid\w*\b", re.IGNORECASE),
}
"""Words that get a text flagged."""
DIMENSIONS: Final = 256
MAX_DOCUMENTS: Final = 1000


class _Item(msgspec.Struct):
    """Of several: a text, or a picture, which is not looked at."""

    type: str = "text"
    text: str = ""


class _Moderation(msgspec.Struct):
    input: str | list[str | _Item]
    model: str = "omni-moderation-latest"


def moderate(asked: Asked) -> Reply:
    """`POST /v1/moderations`: a text is flagged for the words of `CATEGORIES`."""
    request = read_json(asked, _Moderation)
    items = [request.input] if isinstance(request.input, str) else request.input
    results: list[dict[str, Any]] = []
    for item in items:
        text = item if isinstance(item, str) else item.text
        found = {name: bool(words.search(text)) for name, words in CATEGORIES.items()}
        scores = {name: 0.97 if hit else 0.0003 for name, hit in found.items()}
        results.append({"flagged": any(found.values()), "categories": found, "category_scores": scores})
    return encode({"id": f"modr-{asked.ids.span_id()}", "model": request.model, "results": results})


class _Rerank(msgspec.Struct):
    query: str
    documents: list[str | dict[str, Any]]
    model: str = "rerank-v3.5"
    top_n: int | None = None
    return_documents: bool = False


def rerank(asked: Asked) -> Reply:
    """`POST /v1/rerank`, in the form that Cohere, Jina and vLLM share: by the words that texts have in common."""
    request = read_json(asked, _Rerank)
    if not 0 < len(request.documents) <= MAX_DOCUMENTS:
        raise InvalidInput(f"Expected 1 to {MAX_DOCUMENTS} documents, got {len(request.documents)}.", field="documents")
    texts = [one if isinstance(one, str) else str(one.get("text", "")) for one in request.documents]
    wanted = embed(request.query, DIMENSIONS, seed=asked.config.seed)
    scored: list[tuple[float, int]] = []
    for index, text in enumerate(texts):
        vector = embed(text, DIMENSIONS, seed=asked.config.seed)
        scored.append((sum(a * b for a, b in zip(wanted, vector, strict=True)), index))
    scored.sort(key=lambda one: (-one[0], one[1]))
    results: list[dict[str, Any]] = []
    for score, index in scored[: request.top_n]:
        result: dict[str, Any] = {"index": index, "relevance_score": round(max(score, 0.0), 6)}
        if request.return_documents:
            result["document"] = {"text": texts[index]}
        results.append(result)
    tokens = sum(map(count_tokens, texts)) + len(texts) * count_tokens(request.query)
    return encode(
        {
            "id": f"rerank-{asked.ids.span_id()}",
            "model": request.model,
            "results": results,
            "usage": {"total_tokens": tokens},
            "meta": {"billed_units": {"search_units": 1}},
        }
    )
