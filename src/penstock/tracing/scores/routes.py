"""Control API of scores, and the public address of end users' feedback.

The app provides the dependencies `principal` and `project` (from its guard) and `scores`.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from litestar import Controller, Router, delete, get, post
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.di import NamedDependency
from litestar.middleware import DefineMiddleware
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from penstock.core.errors import PermissionDenied
from penstock.store.spans.queries.scores import ScoreFilter
from penstock.tracing.scores.service import ScoreService
from penstock.tracing.scores.types import Feedback, FeedbackToken, NewScores, NewToken, ScoreOutcomes, ScorePage
from penstock.wire.score import ScoreSource

__all__ = ["FEEDBACK_PATH", "scores_router"]

Scores = NamedDependency[ScoreService]
ProjectId = NamedDependency[str]
FEEDBACK_PATH = "/api/v1/feedback"
"""The one address that pages of other origins may call."""
MAX_FEEDBACK_BODY = 16 * 1024
PREFLIGHT = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type",
    "access-control-max-age": "600",
}
"""What a browser is told that asks before it sends."""


class _Caller(Protocol):
    """The part of a principal that a score keeps."""

    @property
    def id(self) -> str: ...


Principal = NamedDependency[SkipValidation[_Caller]]


class ScoresController(Controller):
    path = "/scores"
    tags = ("scores",)

    @post("/", operation_id="addScores", opt={"permission": "scores:write"}, status_code=200)
    async def add_scores(
        self, *, scores: Scores, project: ProjectId, principal: Principal, data: JSONBody[NewScores]
    ) -> ScoreOutcomes:
        """Judge traces, spans and sessions. Each score is answered for itself; what is accepted is on the disk."""
        return await scores.record(project, principal.id, data)

    @get("/", operation_id="listScores", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_scores(  # noqa: PLR0913 - the parameters of an address
        self,
        *,
        scores: Scores,
        project: ProjectId,
        trace_id: Annotated[str | None, QueryParameter(name="trace_id", description="32 hex digits.")] = None,
        span_id: Annotated[str | None, QueryParameter(name="span_id", description="16 hex digits.")] = None,
        session: Annotated[str | None, QueryParameter(name="session", description="Id of a session.")] = None,
        name: Annotated[str | None, QueryParameter(name="name", description="Name of the judgement.")] = None,
        source: Annotated[ScoreSource | None, QueryParameter(name="source", description="Who judged.")] = None,
        from_: Annotated[
            int | None, QueryParameter(name="from", description="Microseconds since the epoch, inclusive.")
        ] = None,
        to: Annotated[
            int | None, QueryParameter(name="to", description="Microseconds since the epoch, exclusive.")
        ] = None,
        cursor: Annotated[
            str | None, QueryParameter(name="cursor", description="`next_cursor` of the page before.")
        ] = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Rows of a page, 1 to 200.")] = 50,
    ) -> ScorePage:
        """Scores, the newest first."""
        wanted = ScoreFilter(
            project=project,
            trace_id=trace_id.lower() if trace_id else None,
            span_id=span_id.lower() if span_id else None,
            session=session,
            name=name,
            source=source,
            from_=from_,
            to=to,
        )
        return scores.list_scores(wanted, cursor=cursor, limit=limit)

    @delete("/{score_id:str}", operation_id="deleteScore", opt={"permission": "scores:write"}, sync_to_thread=True)
    def delete_score(
        self,
        *,
        scores: Scores,
        project: ProjectId,
        score_id: Annotated[str, PathParameter(description="Id of a score.")],
    ) -> None:
        """Delete a score."""
        scores.delete(project, score_id)


@post(
    "/traces/{trace_id:str}/feedback-token",
    operation_id="createFeedbackToken",
    opt={"permission": "scores:write"},
    sync_to_thread=False,
    tags=("scores",),
)
def _create_token(
    *,
    scores: Scores,
    project: ProjectId,
    trace_id: Annotated[str, PathParameter(description="32 hex digits.")],
    data: JSONBody[NewToken],
) -> FeedbackToken:
    """A token with which anyone who holds it may judge this trace, and nothing else."""
    return scores.token(project, trace_id.lower(), expires_in=data.expires_in)


@post(
    "/feedback",
    operation_id="giveFeedback",
    opt={
        "public": "an end user's browser has no key; the token in the body says what may be judged",
        "cross_origin": "the origins that may send are those of the configuration",
    },
    status_code=204,
    request_max_body_size=MAX_FEEDBACK_BODY,
    tags=("scores",),
)
async def _give_feedback(scores: Scores, data: JSONBody[Feedback]) -> None:
    """What an end user thinks of an answer, by a token. A second value of the same name replaces the first."""
    await scores.give_feedback(data)


class _CrossOrigin:
    """The headers of the Fetch standard (CORS) for pages that may send feedback; others are refused.

    A request without an `Origin` comes from no page of another origin.
    """

    def __init__(self, app: ASGIApp, *, origins: Callable[[], Sequence[str]]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers.from_scope(scope).get("origin")
        if origin is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        allowed = self._origins()
        asks_first = scope["method"] == "OPTIONS"
        refused = origin not in allowed and "*" not in allowed and not _is_own(origin, scope)

        if asks_first:
            # The framework's own answer to OPTIONS is behind the guard, and a browser asks without credentials.
            granted = {} if refused else {**_grant(origin), **PREFLIGHT}
            await ASGIResponse(status_code=204, headers=granted)(scope, receive, send)
            return
        if refused:
            raise PermissionDenied(
                "Feedback from pages of this origin is not taken.",
                hint="Add it to feedback.origins in penstock.yaml.",
                code="origin_not_allowed",
            )

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                for name, value in _grant(origin).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, answer)


def _is_own(origin: str, scope: Scope) -> bool:
    return urlsplit(origin).netloc == Headers.from_scope(scope).get("host")


def _grant(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "cross-origin-resource-policy": "cross-origin",
        "vary": "origin",
    }


def scores_router(origins: Callable[[], Sequence[str]]) -> Router:
    """Routes of scores, relative to the API's root.

    Args:
        origins: Pages from which browsers may send feedback, as they are now; `*` is any.
    """
    public = Router(
        path="/",
        route_handlers=[_give_feedback],
        middleware=[DefineMiddleware(_CrossOrigin, origins=origins)],
    )
    return Router(path="/", route_handlers=[ScoresController, _create_token, public])
