"""Control API of annotation.

The app provides the dependencies: `principal` and `project` (id, from its guard), `annotation`, `scores`.
"""

from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Literal

import msgspec
from anyio import to_thread
from litestar import Controller, Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from penstock.core.errors import InvalidInput, PermissionDenied
from penstock.evals.annotation.service import Annotation
from penstock.evals.annotation.types import (
    AddItems,
    ItemLabel,
    LabelledItem,
    NewLabel,
    NewQueue,
    Only,
    Queue,
    QueueReport,
    Task,
)
from penstock.identity.types import Principal
from penstock.tracing.scores.service import ScoreService
from penstock.tracing.scores.types import NewScores

__all__ = ["annotation_router"]

MAX_BODY = 32 * 1024 * 1024
Service = NamedDependency[Annotation]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
QueueId = Annotated[str, PathParameter(description="Id or name of the queue.")]
ItemId = Annotated[str, PathParameter(description="Id of the item.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Entries of a page, 1 to 200.")]
LINES = {
    200: ResponseSpec(
        data_container=bytes,
        description="An item with its labels in each line.",
        media_type="application/x-ndjson",
        generate_examples=False,
    )
}


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Queues by name."""

    items: list[Queue]
    next_cursor: str | None


class LabelledItemPage(msgspec.Struct, frozen=True, kw_only=True):
    """Items in the order in which they were added."""

    items: list[LabelledItem]
    next_cursor: str | None


class ItemsAdded(msgspec.Struct, frozen=True, kw_only=True):
    added: int
    """Items that were not in the queue before."""


class LabelledTasks(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller labelled last, the latest first, each with its label."""

    items: list[Task]
    next_cursor: None = None


class NextTask(msgspec.Struct, frozen=True, kw_only=True):
    task: Task | None
    """Null: nothing waits for the caller."""


class AnnotationController(Controller):
    path = "/annotation"
    tags = ("annotation",)

    @get("/", operation_id="listAnnotationQueues", opt={"permission": "annotation:read"}, sync_to_thread=True)
    def list_queues(
        self,
        annotation: Service,
        project: ProjectId,
        *,
        cursor: Annotated[
            str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")
        ] = None,
        limit: Limit = 50,
    ) -> QueuePage:
        """Queues by name."""
        found = annotation.listed(project, after=cursor, limit=_bounded(limit) + 1)
        return QueuePage(items=found[:limit], next_cursor=found[limit - 1].name if len(found) > limit else None)

    @post("/", operation_id="createAnnotationQueue", opt={"permission": "annotation:write"}, sync_to_thread=True)
    def create_queue(
        self, annotation: Service, principal: Caller, project: ProjectId, data: JSONBody[NewQueue]
    ) -> Queue:
        """Make a queue with its rubric."""
        return annotation.create(principal, project, data)

    @get("/{queue:str}", operation_id="getAnnotationQueue", opt={"permission": "annotation:read"}, sync_to_thread=True)
    def get_queue(self, annotation: Service, project: ProjectId, queue: QueueId) -> QueueReport:
        """How far a queue is, how far its annotators agree, and how often they are right on golden items."""
        return annotation.report(project, queue)

    @put(
        "/{queue:str}",
        operation_id="replaceAnnotationQueue",
        opt={"permission": "annotation:write"},
        sync_to_thread=True,
    )
    def replace_queue(self, annotation: Service, project: ProjectId, queue: QueueId, data: JSONBody[NewQueue]) -> Queue:
        """Change a queue. Questions that were answered stay; items that wait go to those who are named now."""
        return annotation.replace(project, queue, data)

    @delete(
        "/{queue:str}",
        operation_id="deleteAnnotationQueue",
        opt={"permission": "annotation:write"},
        sync_to_thread=True,
    )
    def delete_queue(self, annotation: Service, project: ProjectId, queue: QueueId) -> None:
        """Delete a queue with its items and labels. Scores that were made of labels stay."""
        annotation.delete(project, queue)

    @post(
        "/{queue:str}/items",
        operation_id="addAnnotationItems",
        opt={"permission": "annotation:write"},
        request_max_body_size=MAX_BODY,
        sync_to_thread=True,
    )
    def add_items(
        self, annotation: Service, principal: Caller, project: ProjectId, queue: QueueId, data: JSONBody[AddItems]
    ) -> ItemsAdded:
        """Add what is to be judged. Takes the permission to read where it comes from."""
        sources = {
            "traces:read": data.traces,
            "datasets:read": data.rows,
            "experiments:read": data.outputs,
        }
        for permission, wanted in sources.items():
            if wanted is not None and not principal.may(permission, project):
                raise PermissionDenied(f"This needs the permission {permission}.", hint="Items show what lies there.")
        return ItemsAdded(added=annotation.add(project, queue, data))

    @get(
        "/{queue:str}/items",
        operation_id="listAnnotationItems",
        opt={"permission": "annotation:read"},
        sync_to_thread=True,
    )
    def list_items(
        self,
        annotation: Service,
        project: ProjectId,
        queue: QueueId,
        *,
        of_state: Annotated[
            Literal["open", "done", "skipped"] | None, QueryParameter(name="state", description="Only those.")
        ] = None,
        only: Annotated[Only | None, QueryParameter(name="only", description="Only those.")] = None,
        cursor: Annotated[int, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")] = -1,
        limit: Limit = 50,
    ) -> LabelledItemPage:
        """Items with their labels, golden answers included: not for annotators."""
        found = annotation.items(project, queue, state=of_state, only=only, after=cursor, limit=_bounded(limit) + 1)
        more = len(found) > limit
        return LabelledItemPage(items=found[:limit], next_cursor=str(found[limit - 1].item.position) if more else None)

    @post(
        "/{queue:str}/next",
        operation_id="takeAnnotationItem",
        opt={"permission": "annotation:label"},
        status_code=200,
        sync_to_thread=True,
    )
    def take(
        self,
        annotation: Service,
        principal: Caller,
        project: ProjectId,
        queue: QueueId,
        *,
        beside: Annotated[
            str | None, QueryParameter(name="beside", description="Id of the caller's item: another one is wanted.")
        ] = None,
    ) -> NextTask:
        """The item that the caller holds, or the next one, which is kept for them for a while."""
        return NextTask(task=annotation.next(principal, project, queue, beside=beside))

    @get(
        "/{queue:str}/labelled",
        operation_id="listLabelledTasks",
        opt={"permission": "annotation:label"},
        sync_to_thread=True,
    )
    def labelled(
        self, annotation: Service, principal: Caller, project: ProjectId, queue: QueueId, *, limit: Limit = 20
    ) -> LabelledTasks:
        """What the caller labelled last, to look at it again and change it."""
        return LabelledTasks(items=annotation.labelled(principal, project, queue, limit=_bounded(limit)))

    @put(
        "/{queue:str}/items/{item:str}/label",
        operation_id="labelAnnotationItem",
        opt={"permission": "annotation:label"},
    )
    async def label(
        self,
        annotation: Service,
        scores: NamedDependency[ScoreService],
        principal: Caller,
        project: ProjectId,
        *,
        queue: QueueId,
        item: ItemId,
        data: JSONBody[NewLabel],
    ) -> ItemLabel:
        """Answer the questions about an item, or skip it and say why. Replaces what the caller said before."""
        made = await to_thread.run_sync(annotation.scores, principal, project, queue, item, data)
        if made:
            # First the scores, which have ids of their own: a label that fails is sent again, and they are replaced.
            await scores.record(project, principal.user or principal.id, NewScores(items=made))
        return await to_thread.run_sync(annotation.label, principal, project, queue, item, data)

    @get(
        "/{queue:str}/export",
        operation_id="exportAnnotation",
        opt={"permission": "annotation:read"},
        responses=LINES,
        sync_to_thread=True,
    )
    def export(self, annotation: Service, project: ProjectId, queue: QueueId) -> Stream:
        """All items with their labels, as lines of JSON."""
        name = annotation.get(project, queue).id
        return Stream(
            _lines(annotation.export(project, queue)),
            media_type="application/x-ndjson",
            headers={"content-disposition": f'attachment; filename="{name}.jsonl"', "cache-control": "no-store"},
        )


async def _lines(pages: Iterator[list[LabelledItem]]) -> AsyncGenerator[bytes]:
    encode = msgspec.json.Encoder().encode_lines
    while (page := await to_thread.run_sync(next, pages, None)) is not None:
        yield encode(page)


def _bounded(limit: int) -> int:
    if not 1 <= limit <= 200:
        raise InvalidInput(f"limit lies between 1 and 200, got {limit}.", field="limit")
    return limit


def annotation_router() -> Router:
    """All routes of this slice, below the API's prefix."""
    return Router("/", route_handlers=[AnnotationController])
