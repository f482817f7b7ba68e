"""The embedded PostgreSQL server: who runs it, its programs, how processes share it."""
