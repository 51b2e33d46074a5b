"""What people type and see: commands, flags, words, colours, exit codes.

Data goes to stdout, words go to stderr. The modules that `tailer --help` and a command's own help need
(`main`, `exits`, `options`, `commands`) import nothing that takes long; what a command does is in a module
here that it imports when it runs: `live` for `tail`, `daemon` for `run`, `showcase` for `demo`, and what they
share.
"""
