"""Dialects of model providers: parse what callers send, speak what upstreams understand.

Pure functions and small state machines over bytes; no I/O.
"""
