"""What was learned, in the tables: read, written, described."""
