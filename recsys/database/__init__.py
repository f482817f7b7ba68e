"""Connections, the schema and how it is installed, tables, bulk copies."""
