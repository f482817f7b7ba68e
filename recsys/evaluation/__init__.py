"""How good the answers are: splits, baselines, figures, the report."""
