"""Thought signatures, carried through dialects that have no place for them.

Gemini 3 signs its function calls and refuses a conversation whose calls come back unsigned
(https://ai.google.dev/gemini-api/docs/thought-signatures). A caller's dialect has no member for that,
but every caller sends a tool call's id back unchanged, so the signature rides in the id. Signatures
of text and thoughts are those of `Reasoning`, marked so that they never reach another vendor.
"""

import hashlib
from typing import Final

__all__ = ["UNSIGNED", "mark_signature", "split_tool_call_id", "tool_call_id", "unmark_signature"]

UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google documents to send for a function call that Gemini did not make itself."""
_SEPARATOR: Final = "--sig-"
_MARK: Final = "gemini:"
_TO_URL = str.maketrans("+/", "-_", "=")
_FROM_URL = str.maketrans("-_", "+/")


def tool_call_id(given: str | None, signature: str | None, *, seed: str) -> str:
    """The id a caller sees: Gemini's own or one made of `seed`, and the signature in letters every vendor allows.

    Args:
        given: Gemini's id; older models give none.
        signature: Gemini's base64 signature of the call, if it came with one.
        seed: What makes the call unique; the same seed gives the same id.
    """
    name = given or "call_" + hashlib.sha256(seed.encode()).hexdigest()[:24]
    return name if not signature else name + _SEPARATOR + signature.translate(_TO_URL)


def split_tool_call_id(tool_call: str) -> tuple[str, str | None]:
    """The id and the signature of a tool call that a caller sent back."""
    name, found, encoded = tool_call.partition(_SEPARATOR)
    if not found:
        return tool_call, None
    signature = encoded.translate(_FROM_URL)
    return name, signature + "=" * (-len(signature) % 4)


def mark_signature(signature: str | None) -> str | None:
    """A signature as it stands in `Reasoning.signature`."""
    return _MARK + signature if signature else None


def unmark_signature(signature: str | None) -> str | None:
    """Gemini's signature; None for none and for those of other vendors."""
    if signature is None or not signature.startswith(_MARK):
        return None
    return signature.removeprefix(_MARK)
