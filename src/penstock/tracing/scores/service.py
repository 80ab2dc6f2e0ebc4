"""Scores: taken in, listed, deleted; and what end users send by tokens."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, PermissionDenied, RateLimited
from penstock.core.ids import Ids
from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.tracing.scores.ports import ScoreLog, ScoreStore
from penstock.tracing.scores.tokens import feedback_token, read_token
from penstock.tracing.scores.types import (
    Feedback,
    FeedbackToken,
    NewScore,
    NewScores,
    ScoreOutcome,
    ScoreOutcomes,
    ScorePage,
)
from penstock.wire.score import Score
from penstock.wire.scoring import (
    check_comment,
    check_name,
    check_score_id,
    check_target,
    read_value,
)
from penstock.wire.snapshot import FeedbackSettings

__all__ = ["MAX_BATCH", "ScoreService"]

MAX_BATCH = 1000
MAX_LIMIT = 200
MAX_METADATA = 8 * 1024
MAX_FEEDBACK_COMMENT = 2000
MAX_FUTURE = 24 * 3600 * 1_000_000
"""Microseconds by which a sender's clock may be ahead."""
LONGEST_TOKEN = 366 * 24 * 3600
MAX_COUNTED = 20_000
"""Tokens whose use is counted at a time; the least recently used are forgotten."""
SECOND = 1_000_000
_LINE = b'{"record":"score",'
_encode = msgspec.json.Encoder().encode


class ScoreService:
    """What the routes of scores do.

    Args:
        store: Where scores are found again.
        log: Where new ones are written to before they are acknowledged.
        clock: Now.
        ids: Of scores that bring none.
        feedback: The settings of feedback as they are now.
        salt: What tokens are made with; raises `Unavailable` before something is published.
    """

    def __init__(
        self,
        store: ScoreStore,
        log: ScoreLog,
        *,
        clock: Clock,
        ids: Ids,
        feedback: Callable[[], FeedbackSettings],
        salt: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._ids = ids
        self._feedback = feedback
        self._salt = salt
        self._uses: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    async def record(self, project: str, author: str, given: NewScores) -> ScoreOutcomes:
        """Take scores in. What is accepted is on the disk when this returns; each is accepted or rejected by itself.

        Args:
            project: Id of the project that they belong to.
            author: Who sends them: the id of a key or a person.
            given: One score or many.

        Raises:
            InvalidInput: none or too many came, or the one that came does not fit.
            Unavailable: they cannot be stored now; none is.
        """
        items = _items(given)
        now = self._clock.now()
        scores: list[Score] = []
        outcomes: list[ScoreOutcome] = []
        for item in items:
            try:
                score = self._read(item, project=project, author=author, now=now)
            except InvalidInput as error:
                if given.items is None:
                    raise
                outcomes.append(ScoreOutcome(id=item.id, accepted=False, reason=str(error)))
            else:
                scores.append(score)
                outcomes.append(ScoreOutcome(id=score.id, accepted=True))
        await self._append(scores)
        return ScoreOutcomes(accepted=len(scores), rejected=len(items) - len(scores), items=outcomes)

    def list_scores(self, wanted: ScoreFilter, *, cursor: str | None = None, limit: int = 50) -> ScorePage:
        """A page of scores, the newest first.

        Raises:
            InvalidInput: the filter, the cursor or the limit is wrong.
            Unavailable: the store is down.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"limit lies between 1 and {MAX_LIMIT}, got {limit}.", field="limit")
        if wanted.trace_id is not None or wanted.span_id is not None:
            check_target(wanted.trace_id, wanted.span_id, None)
        if wanted.from_ is not None and wanted.to is not None and wanted.from_ >= wanted.to:
            raise InvalidInput("The window is empty: expected from < to.", field="from")
        rows = self._store.list_scores(wanted, after=_place(cursor), limit=limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        return ScorePage(items=rows, next_cursor=f"{rows[-1].created:x}.{rows[-1].id}" if more else None)

    def delete(self, project: str, score_id: str) -> None:
        """Delete a score.

        Raises:
            NotFound: the project has none of this id.
            Unavailable: the store is down.
        """
        if self._store.delete_scores(project, [score_id]) == 0:
            raise NotFound(
                f"There is no score {score_id[:128]!r} in this project.",
                hint="A new score can be deleted about a second after it was sent.",
                code="score_not_found",
            )

    def token(self, project: str, trace_id: str, *, expires_in: int | None = None) -> FeedbackToken:
        """A token for a trace, which need not be there yet.

        Raises:
            InvalidInput: the id or the time is wrong.
        """
        check_target(trace_id, None, None)
        seconds = math.ceil(self._feedback().expires) if expires_in is None else expires_in
        if not 1 <= seconds <= LONGEST_TOKEN:
            raise InvalidInput(
                f"expires_in lies between 1 and {LONGEST_TOKEN} seconds, got {seconds}.", field="expires_in"
            )
        expires = self._clock.now() // SECOND + seconds
        token = feedback_token(self._salt(), project=project, trace_id=trace_id, expires=expires)
        return FeedbackToken(token=token, expires=expires * SECOND)

    async def give_feedback(self, feedback: Feedback) -> None:
        """Take what an end user thinks of a trace. A second judgement with the same token and name replaces the first.

        Nothing is told of the trace, not even whether there is one.

        Raises:
            PermissionDenied: the token was not made here (`feedback_token_invalid`), or its time is over
                (`feedback_token_expired`).
            RateLimited: too much came for this token.
            InvalidInput: a value does not fit.
            Unavailable: it cannot be stored now.
        """
        claim = read_token(self._salt(), feedback.token)
        if claim is None:
            raise PermissionDenied("This feedback token is not valid.", code="feedback_token_invalid")
        now = self._clock.now()
        if now >= claim.expires * SECOND:
            raise PermissionDenied("This feedback token has expired.", code="feedback_token_expired")
        digest = hashlib.blake2b(feedback.token.encode(), digest_size=16).digest()
        self._count_use(digest)
        if feedback.comment is not None and len(feedback.comment) > MAX_FEEDBACK_COMMENT:
            raise InvalidInput(
                f"A comment has at most {MAX_FEEDBACK_COMMENT} characters, got {len(feedback.comment)}.",
                field="comment",
                code="invalid_score",
            )
        name = hashlib.blake2b(feedback.name.encode("utf-8", "surrogatepass"), key=digest, digest_size=16)
        item = NewScore(
            id=f"feedback-{name.hexdigest()}",
            name=feedback.name,
            value=feedback.value,
            trace_id=claim.trace_id,
            source="user",
            comment=feedback.comment,
        )
        await self._append([self._read(item, project=claim.project, author=None, now=now)])

    def origins(self) -> tuple[str, ...]:
        """Pages from which browsers may send feedback."""
        return self._feedback().origins

    def _count_use(self, digest: bytes) -> None:
        """A window of a minute for each token, from its first use on."""
        now = self._clock.monotonic()
        began, count = self._uses.pop(digest, (now, 0))
        if now - began >= 60:
            began, count = now, 0
        self._uses[digest] = (began, count + 1)
        if len(self._uses) > MAX_COUNTED:
            self._uses.popitem(last=False)
        if count >= self._feedback().per_minute:
            raise RateLimited(
                "Too much feedback came with this token.", limit="feedback", retry_after=max(1.0, 60 - (now - began))
            )

    def _read(self, item: NewScore, *, project: str, author: str | None, now: int) -> Score:
        """The score as it is stored. Raises `InvalidInput`."""
        check_target(item.trace_id, item.span_id, item.session)
        check_comment(item.comment)
        judgement = read_value(item.value, item.type)
        if item.created is not None and not 0 < item.created <= now + MAX_FUTURE:
            raise InvalidInput(
                f"created is in microseconds since the epoch and not in the future, got {item.created}.",
                field="created",
                code="invalid_score",
            )
        return Score(
            id=self._ids.uuid7() if item.id is None else check_score_id(item.id),
            project=project,
            name=check_name(item.name),
            type=judgement.type,
            number=judgement.number,
            label=judgement.label,
            trace_id=item.trace_id,
            span_id=item.span_id,
            session=item.session,
            source=item.source,
            author=None if item.source == "user" else author,
            comment=item.comment or None,
            created=now if item.created is None else item.created,
            metadata=_metadata(item),
        )

    async def _append(self, scores: Sequence[Score]) -> None:
        if scores:
            lines = b"".join([_LINE + _encode(score)[1:] + b"\n" for score in scores])
            await self._log.append_durably(lines, len(scores))


def _items(given: NewScores) -> Sequence[NewScore]:
    if given.items is None:
        if given.name is None or given.value is None:
            missing = "name" if given.name is None else "value"
            raise InvalidInput(
                f"A score has a name and a value, and {missing} is missing.",
                field=missing,
                hint="Send one score, or many as items.",
                code="invalid_score",
            )
        fields = {name: getattr(given, name) for name in NewScore.__struct_fields__}
        return [NewScore(**fields)]
    if given.name is not None or given.value is not None:
        raise InvalidInput("Send one score, or many as items, not both.", field="items", code="invalid_score")
    if not 0 < len(given.items) <= MAX_BATCH:
        raise InvalidInput(
            f"A request brings 1 to {MAX_BATCH} scores, got {len(given.items)}.", field="items", code="invalid_score"
        )
    return given.items


def _metadata(item: NewScore) -> msgspec.Raw | None:
    if not item.metadata:
        return None
    try:
        data = _encode(item.metadata)
    except UnicodeEncodeError:
        data = b""
    if not 0 < len(data) <= MAX_METADATA:
        raise InvalidInput(
            f"metadata has at most {MAX_METADATA} bytes of JSON in UTF-8, got {len(data)}.",
            field="metadata",
            code="invalid_score",
        )
    return msgspec.Raw(data)


def _place(cursor: str | None) -> ScorePlace | None:
    if cursor is None:
        return None
    created, dot, score_id = cursor.partition(".")
    try:
        if dot and score_id and len(created) <= 16:
            return ScorePlace(min(int(created, 16), 2**63 - 1), check_score_id(score_id))
    except (ValueError, InvalidInput):
        pass
    raise InvalidInput(
        f"The cursor {cursor[:64]!r} was not given out by this list.",
        field="cursor",
        hint="Send `next_cursor` of the page before, or none.",
        code="invalid_cursor",
    )
