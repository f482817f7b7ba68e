"""`recsys serve`: a REST API and pages over the SQL functions (extra `web`)."""
