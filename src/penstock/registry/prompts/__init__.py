"""Prompts: the kind of artifact, what routes serve of them, rendering and estimates."""
