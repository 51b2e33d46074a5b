"""The sink `nats`: a stream of NATS JetStream, each event in it once within the stream's window.

`config` is what may be written in its table, `login` who we are, `wire` the bytes' way to a server and
`line` a connection with many messages under way; `stream` judges the stream, `faults` says what goes wrong
in words.
"""
