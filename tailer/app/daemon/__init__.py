"""The daemon: one process and one journal, a sequence of runs, and all the ways to see how it is.

`daemon` carries it; `setup`, `preflight` and `trial` are a configuration that is to replace another;
`commands` is what it can be asked over its control socket; `snapshot`, `view` and `health` tell how its run
is, and `front`, `service`, `notify` and `vigil` show that to others.
"""
