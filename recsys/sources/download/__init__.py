"""Public data sets, downloaded once."""
