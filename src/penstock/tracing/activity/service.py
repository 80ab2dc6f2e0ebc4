"""Sessions and end users of a project."""

import re
from typing import Final, Literal, get_args

from penstock.core.errors import InvalidInput, NotFound
from penstock.store.spans.queries.people import ActivityCalls, ActivityOrder, ActivityPlace
from penstock.store.spans.queries.traces import Place
from penstock.store.spans.queries.window import Window
from penstock.tracing.activity.ports import ActivityStore
from penstock.tracing.activity.types import ActivityList, ActivityView
from penstock.tracing.cursors import cursor_of, invalid_cursor, place_of
from penstock.tracing.query.names import KeyNames, QueryReader, UserHash
from penstock.tracing.types import Asked, Paging

__all__ = ["ActivityService", "Who"]

Who = Literal["session", "user"]
MAX_LIMIT: Final = 200
MAX_CALLS: Final = 1000
"""Calls of one session or user in a page."""
ORDERS: Final[tuple[ActivityOrder, ...]] = get_args(ActivityOrder)
_CURSOR = re.compile(r"(-?\d{1,19}):(.+)\Z", re.DOTALL)


class ActivityService:
    """Asks the store. Methods block.

    Args:
        store: Knows who did what.
        reader: Reads conditions.
        key_names: Names of keys by id.
        user_hash: Hashes an end user's id, so that one is found by it.
    """

    def __init__(
        self, store: ActivityStore, *, reader: QueryReader, key_names: KeyNames, user_hash: UserHash | None = None
    ) -> None:
        self._store = store
        self._reader = reader
        self._key_names = key_names
        self._user_hash = user_hash

    def listed(self, project: str, who: Who, asked: Asked, paging: Paging) -> ActivityList:
        """Those who did anything in the window, by default the one that was last first.

        With conditions, those of whom a call or the root of a trace in the window fits.

        Raises:
            InvalidInput: the search, the sort, the cursor, the limit or the window is wrong.
            Unavailable: the store is down.
        """
        _check_limit(paging.limit, MAX_LIMIT)
        if asked.from_ is not None and asked.to is not None and asked.from_ >= asked.to:
            raise InvalidInput(
                f"The window is empty: `from` is {asked.from_}, `to` is {asked.to}; expected from < to.", field="from"
            )
        order = _order(paging.sort)
        ask = self._store.sessions if who == "session" else self._store.users
        page = ask(
            Window(project=project, from_=asked.from_, to=asked.to),
            where=self._reader.where(project, asked),
            order=order,
            after=_place(paging.cursor),
            limit=paging.limit,
        )
        cursor = None if page.next is None else f"{page.next.value}:{page.next.who}"
        return ActivityList(items=page.rows, sort=f"-{order}", next_cursor=cursor)

    def one(self, project: str, who: Who, name: str, *, cursor: str | None = None, limit: int = 100) -> ActivityView:
        """One with a page of its calls, in order of time: by default the newest. A user is found by id or hash.

        Raises:
            InvalidInput: the cursor or the limit is wrong.
            NotFound: the project knows none of this name.
            Unavailable: the store is down.
        """
        _check_limit(limit, MAX_CALLS)
        found = self._found(project, who, name, after=place_of(cursor), limit=limit)
        if found is None:
            raise NotFound(
                f"There is no {who} {name[:64]!r} in this project.",
                hint=f"GET /api/v1/{who}s lists them.",
                code=f"{who}_not_found",
            )
        if any(row.key for row in found.rows):
            names = self._key_names(project)
            for row in found.rows:
                row.key_name = names.get(row.key or "")
        more = None if found.next is None else cursor_of(found.next)
        return ActivityView(of=found.of, rows=found.rows, next_cursor=more)

    def _found(self, project: str, who: Who, name: str, *, after: Place | None, limit: int) -> ActivityCalls | None:
        if who == "session":
            return self._store.session(project, name, after=after, limit=limit)
        found = self._store.user(project, name, after=after, limit=limit)
        if found is None and self._user_hash is not None:
            return self._store.user(project, self._user_hash(name), after=after, limit=limit)
        return found


def _check_limit(limit: int, highest: int) -> None:
    if not 1 <= limit <= highest:
        raise InvalidInput(f"limit lies between 1 and {highest}, got {limit}.", field="limit")


def _order(sort: str | None) -> ActivityOrder:
    if sort is None:
        return "last"
    for order in ORDERS:
        if sort.removeprefix("-") == order:
            return order
    raise InvalidInput(
        f"This list is sorted by {', '.join(ORDERS)}, got {sort[:64]!r}.",
        field="sort",
        hint="The largest come first: -cost.",
        code="invalid_sort",
    )


def _place(cursor: str | None) -> ActivityPlace | None:
    if cursor is None:
        return None
    found = _CURSOR.match(cursor)
    if found is None or abs(int(found[1])) >= 2**63:
        raise invalid_cursor(cursor)
    return ActivityPlace(int(found[1]), found[2])
