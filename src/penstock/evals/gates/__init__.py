"""Rules over results, answered PASS, FAIL or INCONCLUSIVE; docs/statistics.md says how.

`parse` reads a rule, `decide` answers it.
"""

from penstock.evals.gates.decide import decide
from penstock.evals.gates.parser import parse
from penstock.evals.gates.types import GateResult, GateSettings, Results, Rule, RuleError, RuleResult, Series

__all__ = ["GateResult", "GateSettings", "Results", "Rule", "RuleError", "RuleResult", "Series", "decide", "parse"]
