"""The event-stream splitter."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.providers.sse import SseSplitter, format_event, parse_frame


def split_at(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def feed_all(splitter: SseSplitter, chunks: list[bytes]) -> list[tuple[str, bytes]]:
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    return events + splitter.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_of_the_standard_ends_a_line(end: bytes) -> None:
    stream = end.join([b"event: a", b"data: 1", b"", b": comment", b"data:2", b"data:  3", b"", b""])
    assert SseSplitter().feed(stream) == [("a", b"1"), ("", b"2\n 3")]


def test_a_single_data_line_with_crlf_loses_its_carriage_return() -> None:
    assert parse_frame(b"data: {}\r\n\r\n") == ("", b"{}")
    assert parse_frame(b"data: x\r\n") == ("", b"x")


def test_comments_blanks_and_frames_without_data_are_no_events() -> None:
    """FAILURES G30"""
    stream = b": ping\n\n\n\n\nevent: lonely\n\nid: 7\nretry: 10\n\ndata\n\ndata: x\n\n"
    assert SseSplitter().feed(stream) == [("", b""), ("", b"x")]


def test_a_byte_order_mark_is_dropped_even_when_cut() -> None:
    splitter = SseSplitter()
    assert feed_all(splitter, [b"\xef", b"\xbb", b"\xbfdata: x\n", b"\n"]) == [("", b"x")]
    assert feed_all(SseSplitter(), [b"\xef\xbb\xbfdata: x"]) == [("", b"x")]


def test_a_last_event_without_its_blank_line_is_given_at_the_end() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"data: a\n\ndata: [DONE]\n") == [("", b"a")]
    assert splitter.finish() == [("", b"[DONE]")]
    assert splitter.finish() == []


def test_an_event_over_the_bound_is_a_failure_and_what_preceded_it_is_kept() -> None:
    splitter = SseSplitter(max_event=64)
    assert splitter.feed(b"data: ok\n\ndata: " + b"x" * 40) == [("", b"ok")]
    assert splitter.failure is None
    assert splitter.feed(b"x" * 40) == []
    assert splitter.failure is not None
    assert splitter.failure.code == "upstream_event_too_large"
    assert splitter.feed(b"\n\ndata: late\n\n") == []
    assert splitter.finish() == []


def test_an_event_over_the_bound_in_one_chunk_is_a_failure_too() -> None:
    splitter = SseSplitter(max_event=32)
    stream = b"data: ok\n\ndata: " + b"x" * 40 + b"\n\ndata: late\n\n"
    assert splitter.feed(stream) == [("", b"ok")]
    assert splitter.failure is not None


def test_many_events_in_one_chunk_larger_than_the_bound_are_no_failure() -> None:
    splitter = SseSplitter(max_event=32)
    assert splitter.feed(b"data: ok\n\n" * 10) == [("", b"ok")] * 10
    assert splitter.failure is None


def test_an_event_of_many_small_chunks_arrives_whole() -> None:
    payload = b"y" * 300_000
    splitter = SseSplitter()
    stream = b"data: " + payload + b"\n\n"
    events = feed_all(splitter, [stream[i : i + 7] for i in range(0, len(stream), 7)])
    assert events == [("", payload)]


LINES = st.lists(
    st.sampled_from([b"data: {}", b"data:a", b"data", b": c", b"event: e", b"id: 1", b"", b"data: \xc3\xa9", b"x"]),
    max_size=14,
)


@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n", b"\r"]), cuts=st.lists(st.integers(0, 400), max_size=10))
@example(lines=[b"data: {}"], end=b"\r\n", cuts=[11])
def test_any_split_of_a_stream_gives_the_same_events(lines: list[bytes], end: bytes, cuts: list[int]) -> None:
    stream = b"".join(line + end for line in [*lines, b""])
    assert feed_all(SseSplitter(), split_at(stream, cuts)) == feed_all(SseSplitter(), [stream])


@given(
    lines=st.lists(st.tuples(st.sampled_from([b"data: x", b"", b":"]), st.sampled_from([b"\n", b"\r\n", b"\r"]))),
    cuts=st.lists(st.integers(0, 400), max_size=10),
)
@example(lines=[(b"data: x", b"\n"), (b"", b"\n"), (b"", b"\n"), (b"data: x", b"\n")], cuts=[])
def test_frames_joined_are_the_stream_byte_for_byte(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in lines)
    splitter = SseSplitter()
    frames = [frame for chunk in split_at(stream, cuts) for frame in splitter.frames(chunk)]
    joined = b"".join([*frames, *splitter.rest()])
    # Only line ends after the last frame may be missing.
    assert stream.startswith(joined)
    assert stream[len(joined) :].strip() == b""


def test_a_formatted_event_is_read_back() -> None:
    assert SseSplitter().feed(format_event(b'{"a":1}', "x") + format_event(b"[DONE]")) == [
        ("x", b'{"a":1}'),
        ("", b"[DONE]"),
    ]
