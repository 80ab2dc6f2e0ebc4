"""Control API of the filter language.

The app provides the dependencies: `project` (id, from its guard) and `observability`.
"""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from penstock.tracing.query.complete import Completion
from penstock.tracing.query.service import QueryHelp
from penstock.tracing.query.types import FieldPage

__all__ = ["QueryController"]

Help = NamedDependency[QueryHelp]


class QueryController(Controller):
    path = "/query"
    tags = ("query",)

    @get("/complete", operation_id="completeQuery", opt={"permission": "traces:read"}, sync_to_thread=True)
    def complete(
        self,
        *,
        query_help: Help,
        project: NamedDependency[str],
        q: Annotated[str, QueryParameter(name="q", description="The search as far as it is written.")] = "",
        cursor: Annotated[
            int | None, QueryParameter(name="cursor", description="Characters before the cursor; without it, all.")
        ] = None,
        from_: Annotated[
            int | None, QueryParameter(name="from", description="Values seen from here on; without it, for a day.")
        ] = None,
        to: Annotated[int | None, QueryParameter(name="to", description="Values seen before.")] = None,
    ) -> Completion:
        """What may come next, and what is wrong with the search as it stands."""
        return query_help.complete(project, q, cursor, from_=from_, to=to)

    @get("/fields", operation_id="listQueryFields", opt={"permission": "traces:read"}, sync_to_thread=False)
    def fields(self, query_help: Help) -> FieldPage:
        """Every name that a search may use."""
        return FieldPage(items=query_help.fields(), next_cursor=None)
