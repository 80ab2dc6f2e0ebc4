"""What judges answers by code; docs/evaluators.md describes each.

An evaluator is defined by a JSON body, `{"type": "numeric", "tolerance": 0.01}`. `define` checks a body and gives its
digest, `load` makes an evaluator of it.
"""
