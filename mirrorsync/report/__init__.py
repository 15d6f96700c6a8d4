"""Outcomes shown to people and programs."""
