"""Builds what is missing, starts every process, watches over them, stops them all."""
