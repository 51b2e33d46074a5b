"""The sink `exec`: any program, fed on its standard input.

`program` is one that runs, `words` what it says besides its answers.
"""
