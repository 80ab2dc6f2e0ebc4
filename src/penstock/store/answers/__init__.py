"""Cached answers: in memory for one worker, Redis or Valkey for many.

memory.py     least recently used first, by bytes
redis.py      shared by all workers; what cannot be reached is a miss
scripts.py    what runs inside Redis
envelope.py   one answer as the bytes that Redis keeps
"""
