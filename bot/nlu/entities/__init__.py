"""Entities: spaCy matching by one table of rules, a small learned tagger, and normalised values."""
