"""Objectives of service levels, their budgets and burn rates."""
