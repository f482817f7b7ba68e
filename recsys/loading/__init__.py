"""Batches of a source into the tables."""
