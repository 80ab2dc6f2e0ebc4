"""Intervals, tests and corrections behind experiments and gates; docs/statistics.md describes them.

Pure functions. Where chance is needed they take a seed and are repeatable. Each names the source of its method.
"""
