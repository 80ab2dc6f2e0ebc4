"""Evaluators that ask a model: rubric, pairwise, panel, groundedness, instructions; docs/evaluators.md describes each.

What a judge reads is data: it stands between marks that the text itself cannot write, and is never a template.
"""
