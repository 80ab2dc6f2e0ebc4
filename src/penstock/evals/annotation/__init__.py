"""Annotation: people answer the questions of a rubric about answers, and their labels are scores."""
