"""What sessions and end users did, day by day: from these, their lists are quick."""

from typing import Literal

from penstock.store.spans.expressions import FAILED, HOUR, MODEL_SPAN, TOKENS
from penstock.store.spans.queries.rows import ROW

__all__ = ["ACTIVITIES", "DAY", "Who", "fill_activity", "schema_activity"]

DAY = 24 * HOUR
Who = Literal["session", "user"]
ACTIVITIES: dict[Who, str] = {"session": "sessions_daily", "user": "users_daily"}
"""Table of each: a row for each day (UTC) and session, or user."""


def schema_activity() -> str:
    """Statements that make the tables."""
    return "\n".join(
        f"""
        CREATE TABLE {table} (
            day BIGINT NOT NULL,
            project VARCHAR NOT NULL,
            who VARCHAR NOT NULL,
            other VARCHAR,
            first BIGINT NOT NULL,
            last BIGINT NOT NULL,
            rows BIGINT NOT NULL,
            errors BIGINT NOT NULL,
            spans BIGINT NOT NULL,
            tokens BIGINT NOT NULL,
            cost BIGINT NOT NULL,
            known BIGINT NOT NULL,
            unknown BIGINT NOT NULL
        );
        """
        for table in ACTIVITIES.values()
    )


def fill_activity(who: Who) -> str:
    """The query for the rows of spans that started in `[$first, $last)`.

    `other` is the newest user of a session, or session of a user; `first` and `last` say when spans started and the
    last ended; `rows` and `errors` count rows of the trace list; `tokens` and `cost` are sums over spans.
    """
    other = "user" if who == "session" else "session"
    return f"""
        SELECT started // {DAY} * {DAY} AS day, project, "{who}" AS who, arg_max("{other}", started) AS other,
            min(started) AS first, max(started + duration) AS last,
            count(*) FILTER (WHERE {ROW}) AS rows, count(*) FILTER (WHERE {ROW} AND {FAILED}) AS errors,
            count(*) AS spans, CAST(sum({TOKENS}) AS BIGINT) AS tokens, CAST(coalesce(sum(cost), 0) AS BIGINT) AS cost,
            count(cost) FILTER (WHERE {MODEL_SPAN}) AS known,
            count(*) FILTER (WHERE {MODEL_SPAN} AND cost IS NULL) AS unknown
        FROM spans
        WHERE "{who}" IS NOT NULL AND started >= $first AND started < $last
        GROUP BY started // {DAY} * {DAY}, project, "{who}"
    """  # noqa: S608 - constants; values are bound
