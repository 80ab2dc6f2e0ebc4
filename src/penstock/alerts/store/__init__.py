"""Rows of alerts in the metadata store, one module per topic. Every function works within the caller's transaction."""
