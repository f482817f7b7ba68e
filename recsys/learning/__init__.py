"""What is learned, from arrays to arrays: no database."""
