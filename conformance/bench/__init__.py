"""Measurements of speed, beside those who do the same work: ``nox -s bench``."""
