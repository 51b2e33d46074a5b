"""The sink `postgres`: a table in PostgreSQL, each event in it once.

`table` and `marks` (watermarks) are its SQL, as texts only; `line` is a connection whose waits end; `faults`
is what the server's error codes ask for.
"""
