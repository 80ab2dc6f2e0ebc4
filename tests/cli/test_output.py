"""What the command line prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.cli.output import (
    clean,
    format_count,
    format_duration,
    format_time,
    one_line,
    parse_duration,
    print_table,
)
from penstock.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (None, "-"),
        (0, "0 µs"),
        (950, "950 µs"),
        (12_340, "12.3 ms"),
        (4_560_000, "4.56 s"),
        (59_999_999, "60.00 s"),
        (123_000_000, "2m 03s"),
    ],
)
def test_durations_carry_their_unit(microseconds, text):
    assert format_duration(microseconds) == text


def test_times_say_their_zone():
    assert format_time(1_700_000_000_000_000) == "2023-11-14 22:13:20Z"
    assert format_time(None) == "-"


def test_counts_are_grouped():
    assert (format_count(1234567), format_count(None)) == ("1,234,567", "-")


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("250ms", 250_000), ("90s", 90_000_000), ("15m", 900_000_000), ("1h", 3_600_000_000), ("2w", 1_209_600_000_000)],
)
def test_durations_are_read_with_their_unit(text, microseconds):
    assert parse_duration(text, option="--since") == microseconds


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1 h", "1y", "9999999999s"])
def test_a_duration_that_is_none_says_what_is_expected(text):
    with pytest.raises(InvalidInput, match="--since expects a duration like"):
        parse_duration(text, option="--since")


@given(st.text())
def test_recorded_text_cannot_steer_the_terminal(text):
    """FAILURES S22: what a model wrote is shown, never obeyed."""
    shown = one_line(text) + clean(text)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in shown)
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "\n" not in one_line(text)


def test_a_table_that_is_piped_is_not_cut_and_reads_no_markup(capsys):
    print_table(["id", "text"], [["1", "[bold]x[/bold] " + "y" * 120]])
    out = capsys.readouterr().out
    assert "[bold]x[/bold] " + "y" * 120 in out
    assert "\x1b" not in out


def test_columns_are_aligned_by_the_cells_that_text_takes(capsys):
    print_table(["name", "count", "text"], [["日本", "1", "a"], ["ab", "1,000", "b" * 300]], right=["count"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name  count  text", "日本      1  a", "ab    1,000  " + "b" * 300]


def test_on_a_terminal_a_long_line_is_cut_at_its_edge(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    print_table(["id", "text"], [["1", "y" * 120]])
    assert capsys.readouterr().out.splitlines()[1] == "1   " + "y" * 15 + "…"


def test_an_empty_table_prints_nothing(capsys):
    print_table(["id"], [])
    assert capsys.readouterr().out == ""
