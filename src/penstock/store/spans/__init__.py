"""Spans in DuckDB: one flat table, filled from journal segments exactly once, read by the console.

columns     what a span's fields are to an engine: type, strictness, storage
engine      everything that is DuckDB's own: opening, DDL, rendering of expressions, transactions
migrations  the schema's versions, forward only
loader      segments into the table, exactly once; salvage takes what the fast path refuses
filters     a user's conditions as an expression tree with bound values
queries/    one module per topic of the console
store       the port that the layers above are given
"""
