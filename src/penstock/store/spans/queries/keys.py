"""When keys were last used."""

from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import sql

__all__ = ["key_uses"]


def key_uses(engine: Engine, *, mark: int) -> tuple[dict[str, int], int]:
    """Last use, microseconds, by key id, among the spans stored since the mark of any project; and the new mark."""
    with engine.snapshot() as read:
        ((newest,),) = read(sql("SELECT max(rowid) FROM spans"), {})
        uses = read(
            sql("SELECT key, max(started) FROM spans WHERE rowid > $mark AND key IS NOT NULL GROUP BY key"),
            {"mark": mark},
        )
    return dict(uses), -1 if newest is None else newest
