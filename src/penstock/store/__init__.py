"""Engines behind the ports: journal segments, spans, metadata."""
