"""Token usage in disjoint buckets.

Vendors' totals overlap in different ways: OpenAI's and Gemini's input totals include cached
tokens, Anthropic's `input_tokens` excludes cache reads and writes; OpenAI's output total includes
reasoning tokens, Gemini's `candidatesTokenCount` excludes thoughts. Penstock stores buckets that
never overlap, so that a sum is a sum, and derives every vendor's form from them.
"""

import msgspec

__all__ = ["Usage"]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one model call, in disjoint buckets. Every token stands in exactly one of them."""

    input: int = 0
    """Text tokens of the prompt that were neither read from nor written to a prompt cache."""
    cache_read: int = 0
    """Prompt tokens served from the provider's prompt cache."""
    cache_write: int = 0
    """Prompt tokens written to the provider's prompt cache."""
    output: int = 0
    """Visible text tokens of the answer."""
    reasoning: int = 0
    """Tokens of hidden or shown reasoning, billed as output."""
    input_audio: int = 0
    output_audio: int = 0
    input_image: int = 0
    output_image: int = 0
    estimated: bool = False
    """True when the provider reported nothing and Penstock counted instead."""

    @property
    def total_input(self) -> int:
        """All tokens of the prompt."""
        return self.input + self.cache_read + self.cache_write + self.input_audio + self.input_image

    @property
    def total_output(self) -> int:
        """All tokens of the answer, reasoning included."""
        return self.output + self.reasoning + self.output_audio + self.output_image

    @property
    def total(self) -> int:
        return self.total_input + self.total_output
