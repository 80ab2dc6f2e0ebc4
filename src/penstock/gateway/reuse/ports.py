"""What reuse needs from outside: somewhere to keep answers."""

from typing import Protocol

from penstock.wire.answers import CachedAnswer

__all__ = ["AnswerCache"]


class AnswerCache(Protocol):
    """Answers by key, for a while. It may forget any of them at any time, and never fails a call.

    A key is `PROJECT/GENERATION-FINGERPRINT`, as `fingerprint.cache_key` makes it.
    """

    @property
    def distant(self) -> bool:
        """Whether `get` has to ask another process, so that it pays to ask early."""
        ...

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer, and counts as its use; None when there is none, it is over, or the store cannot say."""
        ...

    def put(self, key: str, answer: CachedAnswer, *, ttl: float) -> None:
        """Keep it for `ttl` seconds, in place of an earlier one. Returns at once; too large a one is not kept."""
        ...

    async def clear(self, project: str | None = None) -> int:
        """Forget the answers of one project, or all; how many there were, as far as the store knows."""
        ...

    @property
    def entries(self) -> int:
        """How many answers are kept, as far as this process knows."""
        ...

    @property
    def bytes(self) -> int:
        """What they take, as far as this process knows."""
        ...

    async def close(self) -> None:
        """Write what is still to be written, within a time limit, and let go."""
        ...
