"""The SQL functions from Python: no torch."""
