"""The counters behind limits and budgets: in memory for one worker, Redis or Valkey for many.

windows.py    where windows begin and end, and what a sliding one holds
grants.py     the answer to a borrow
ledger.py     what this process has booked
memory.py     counters in memory
redis.py      counters in Redis: borrow, give back, what happens while it is away
returns.py    what is on its way back to Redis
encoding.py   how claims and bookings look on the way
link.py       one connection: scripts, batches, time limits
scripts.py    what runs inside Redis
spendlog.py   what was booked, on disk, so that it survives a restart
replay.py     from journal segments to what they cost
"""
