"""The providers' prompt caches: which part of a prompt counts as read from, or written to, the cache."""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from penstock.simulator.ask import Ask
from penstock.simulator.models import Vendor

__all__ = ["PromptCache"]

SMALLEST: Final = 1024
"""Tokens from which on vendors cache a prefix."""
STEP: Final = 128
"""OpenAI reports cached tokens in multiples of this."""
ENTRIES: Final = 10_000


class PromptCache:
    """Remembers prefixes of prompts, the least recently seen are forgotten.

    OpenAI and Gemini cache by themselves; Anthropic up to the places marked with `cache_control`,
    and says how much it wrote.

    Args:
        share: This share of each prompt is read from the cache, whatever came before.
    """

    def __init__(self, *, share: float | None = None) -> None:
        self._share = share
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def look_up(self, ask: Ask, vendor: Vendor) -> tuple[int, int]:
        """Tokens read from and written to the cache by a request, which is then remembered."""
        total = ask.input_tokens
        if self._share is not None:
            return int(total * self._share), 0
        if total < SMALLEST:
            return 0, 0
        read = written = tokens = 0
        state = blake2b(f"{vendor}\0{ask.model}".encode(), digest_size=16)
        for segment in ask.segments:
            state.update(b"\0" + segment.text.encode("utf-8", "surrogatepass"))
            tokens += 0 if segment.image else segment.tokens
            if tokens < SMALLEST or (vendor == "anthropic" and not segment.cache_mark):
                continue
            if self._remember(state.digest()):
                read = tokens
            else:
                written = tokens
        if vendor == "anthropic":
            return read, max(0, written - read)
        return read // STEP * STEP, 0

    def _remember(self, prefix: bytes) -> bool:
        """True when it was known already."""
        known = prefix in self._known
        self._known[prefix] = None
        self._known.move_to_end(prefix)
        if len(self._known) > ENTRIES:
            self._known.popitem(last=False)
        return known
