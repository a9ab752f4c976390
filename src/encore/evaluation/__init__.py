"""Evaluation: boards over listeners, with baselines and intervals in every table."""
