"""Spans in DuckDB or ClickHouse: one flat table, filled from journal segments exactly once, read by the console.

columns     what a span's fields are to an engine: type, strictness, storage
engine      what queries need of an engine
filters     a person's conditions as an expression tree with bound values; tree: how they are put together
metrics     any metric of any spans by anything: the question and the answer
queries/    one module per topic of the console
duckdb/     everything that is DuckDB's own: opening, schema, loading exactly once, upkeep
"""
