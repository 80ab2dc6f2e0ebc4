"""Answers given again: the exact cache, and identical calls in flight.

    fingerprint.py   which calls are the same call
    policy.py        what may be taken from the cache, and what may go into it
    ports.py         the cache itself, bound in `server`
    flights.py       identical concurrent calls share one upstream call
    savings.py       what is kept of an answer, what a hit saved, and how often it happens

In the pipeline this stands after `admit` and the input guards, before `dispatch`: the exact look-up first, then
the calls in flight. A semantic look-up would stand between the two: it costs an embedding, so it is asked only
when the exact one has missed, and a call that it answers must not become the lead of a flight.
"""
