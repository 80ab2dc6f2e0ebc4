"""What a segment holds, before the engine reads it."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.store.spans.duckdb.reading import LARGE, examine, has_large_line

SPAN, OPEN = b'{"record":"span"}', b'{"record":"open"}'
LINES = st.lists(
    st.sampled_from([SPAN, OPEN, b"", b"x" * (LARGE - 1), b"x" * LARGE, b'{"a":"{\\"record\\":\\"open\\""}'])
)


@given(lines=LINES, ended=st.booleans())
def test_spans_are_counted_without_the_calls_in_flight(tmp_path_factory, lines, ended):
    path = tmp_path_factory.mktemp("segments") / "one.ndjson"
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    path.write_bytes(data)
    source = examine(path)
    assert source is not None
    held = data.split(b"\n")
    held = held[:-1] if not held[-1] else held
    assert source.records == len(held) - sum(line.startswith(b'{"record":"open"') for line in held)
    assert source.size == len(data)
    assert source.large == any(len(line) > LARGE for line in data.splitlines(keepends=True))


def test_a_line_is_large_from_the_same_length_on_wherever_it_is_measured(tmp_path):
    path = tmp_path / "one.ndjson"
    for length in (LARGE - 2, LARGE - 1, LARGE, LARGE + 1):
        data = SPAN + b"\n" + b"x" * length + b"\n"
        path.write_bytes(data)
        source = examine(path)
        assert source is not None
        assert source.large == has_large_line(data) == (length >= LARGE)
