"""The sink `sqlite`: a table in a SQLite file, each event in it once. `table` blocks, and is SQL."""
