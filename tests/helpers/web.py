"""Where a server of the tests is."""

HERE = "http://127.0.0.1:8000"
