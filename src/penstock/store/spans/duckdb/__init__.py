"""The embedded span store: one DuckDB file."""
