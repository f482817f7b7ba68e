"""From the tables to a new model: the flows."""
