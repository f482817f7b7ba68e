"""Simulated viewers and their ratings: the bundled sample, and data of any size."""
