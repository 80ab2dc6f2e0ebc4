"""Spans of applications: OpenTelemetry's protocol (OTLP/HTTP 1.x) in and out.

body       bytes of a request, unpacked within limits
decode     protobuf or JSON → `Received`, one span at a time
mapping    `Received` → `wire.span.Span`, by the conventions that applications follow
intake     a request from its bytes to lines that are on the disk
answer     what the sender is told
export     spans that were stored, sent on to other backends
"""
