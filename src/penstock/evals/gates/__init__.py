"""Rules over results, answered PASS, FAIL or INCONCLUSIVE; docs/statistics.md says how.

`parser.parse` reads a rule, `decide.decide` answers it.
"""
