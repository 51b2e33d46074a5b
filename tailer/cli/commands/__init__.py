"""The commands: a module each, with its flags and what its help says.

None imports what takes long before it is invoked: what a command does is in the module of `tailer.cli` that
its function imports.
"""
