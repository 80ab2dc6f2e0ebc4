"""Whether an answer is good, and whether one variant is better than another: evaluators, judges, statistics, gates."""
