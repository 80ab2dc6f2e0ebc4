"""Judgements of calls, traces and sessions: taken in, listed, deleted; feedback of end users by tokens."""
