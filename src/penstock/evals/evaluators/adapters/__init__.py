"""Evaluators of other libraries, each behind its own extra. Their models are asked through Penstock only."""
