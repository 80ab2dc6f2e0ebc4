"""Versioned artifacts: prompts, models, datasets, evaluators, and whatever kind is registered."""
