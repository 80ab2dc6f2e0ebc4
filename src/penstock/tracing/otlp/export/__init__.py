"""Spans that were stored, sent on to other backends that speak OTLP.

spool      segments that wait for one backend, on disk, bounded
matching   whether a span fits a search, without a store
record     the record → OpenTelemetry's span, by the GenAI conventions
sender     the spool emptied into the backend
"""
