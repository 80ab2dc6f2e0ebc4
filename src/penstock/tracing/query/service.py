"""Help for whoever writes a search: the fields there are, and what may come next."""

from collections import Counter
from collections.abc import Sequence

from penstock.core.clock import Clock
from penstock.core.errors import Unavailable
from penstock.store.spans.queries.facets import FACET_COLUMNS
from penstock.store.spans.queries.scores import ScoreFilter
from penstock.store.spans.queries.window import Window
from penstock.store.spans.types import Facet
from penstock.tracing.query.complete import Completion, complete
from penstock.tracing.query.fields import FIELDS, PREFIXES, Field, field_of
from penstock.tracing.query.names import KeyNames
from penstock.tracing.query.ports import FacetStore
from penstock.tracing.query.types import FieldView

__all__ = ["QueryHelp"]

WINDOW = 24 * 3600 * 1_000_000
"""Microseconds in which values are looked for when no window is named."""
NEWEST_SCORES = 1_000
"""Among which names and labels of scores are looked for."""


class QueryHelp:
    """Answers while a search is being written. Methods block.

    Args:
        store: Knows what values there are.
        key_names: Names of keys by id.
        clock: Now, for windows without an end.
    """

    def __init__(self, store: FacetStore, *, key_names: KeyNames, clock: Clock) -> None:
        self._store = store
        self._key_names = key_names
        self._clock = clock

    def complete(
        self, project: str, text: str, cursor: int | None = None, *, from_: int | None = None, to: int | None = None
    ) -> Completion:
        """What may stand at the cursor, with values seen in the window, by default the last day.

        While the store is down there are no observed values; names and comparisons come as ever.

        Raises:
            InvalidInput: the text is too long.
        """
        end = self._clock.now() if to is None else to
        window = Window(project=project, from_=end - WINDOW if from_ is None else from_, to=end)

        def observed(field: str) -> Sequence[Facet]:
            try:
                return self._observed(window, field)
            except Unavailable:
                return ()

        return complete(text, len(text) if cursor is None else cursor, observed=observed)

    def fields(self) -> list[FieldView]:
        """Every name that a search may use, alphabetically; those with a name of the user's own last."""
        known = sorted(FIELDS.values(), key=lambda field: field.name)
        return [_view(field) for field in (*known, *(field_of(f"{prefix}NAME") for prefix in PREFIXES))]

    def _observed(self, window: Window, field: str) -> Sequence[Facet]:
        if field == "score" or field.startswith("score."):
            return self._judged(window, field.removeprefix("score").removeprefix(".") or None)
        if field not in FACET_COLUMNS and not field.startswith("tags."):
            return ()
        found = self._store.facets(window, field)
        if field != "key":
            return found
        names = self._key_names(window.project)
        return [Facet(value=names.get(facet.value or "", facet.value or ""), count=facet.count) for facet in found]

    def _judged(self, window: Window, name: str | None) -> Sequence[Facet]:
        """Names of the newest scores; of those of one name, the labels."""
        wanted = ScoreFilter(project=window.project, name=name, from_=window.from_, to=window.to)
        scores = self._store.list_scores(wanted, limit=NEWEST_SCORES)
        seen = Counter(score.name if name is None else score.label for score in scores)
        return [Facet(value=value, count=count) for value, count in seen.most_common()]


def _view(field: Field) -> FieldView:
    return FieldView(
        name=field.name,
        about=field.about,
        values=field.values,
        operators=list(field.operators),
        aliases=list(field.aliases),
        choices=list(field.choices),
    )
