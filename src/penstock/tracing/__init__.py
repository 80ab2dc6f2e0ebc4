"""Traces: journal segments are ingested, and the console's questions about calls are answered."""
