"""Dispatch: a plan becomes attempts, one of which answers.

executor.py   walks the plan: choices, fallback, retries at one variant
attempt.py    one try at one target
delivery.py   where an answer goes: to the caller, held back, or raced for
cascade.py    cheap first, checked, escalated
hedge.py      a second attempt beside a slow first
shadow.py     a copy that nobody waits for
"""
