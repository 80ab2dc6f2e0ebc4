"""Text cut into the pieces of a stream."""

from collections.abc import Iterator

import msgspec

__all__ = ["cut_text", "cut_tokens"]


class _Token(msgspec.Struct):
    token: str


_decode_token = msgspec.json.Decoder(_Token).decode


def cut_text(text: str, size: int) -> Iterator[str]:
    """Pieces of `size` characters; none of an empty text."""
    return (text[start : start + size] for start in range(0, len(text), size))


def cut_tokens(text: str, logprobs: list[msgspec.Raw], size: int) -> Iterator[tuple[str, list[msgspec.Raw]]]:
    """Pieces of about `size` characters, each with the log-probabilities of its own tokens.

    Where the tokens do not add up to the text (a character cut between two of them), all go with the first piece.
    """
    try:
        tokens = [_decode_token(raw).token for raw in logprobs]
    except msgspec.MsgspecError:
        tokens = []
    if not tokens or "".join(tokens) != text:
        waiting = logprobs
        for piece in cut_text(text, size):
            yield piece, waiting
            waiting = []
        if waiting:
            yield "", waiting
        return
    start = length = 0
    for number, token in enumerate(tokens, 1):
        length += len(token)
        if length >= size or number == len(tokens):
            yield "".join(tokens[start:number]), logprobs[start:number]
            start, length = number, 0
