"""Everything that is ClickHouse's own: connecting, schema, loading exactly once, upkeep."""
