"""Measuring understanding with the real pipeline: figures, plots, a Markdown report."""
