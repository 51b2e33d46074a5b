"""Where events go: files, the terminal, memory, and whatever third parties bring.

May live here: one file a sink, the formats that they share, the file of what they reject, the registry that
finds a sink's class by the ``type`` of its table, and the catalogue that tells people what there is. A sink
class owns its nested ``Config`` and is built as ``Class(config, context)``; what its three verbs promise is
written at `tailer.interfaces.Sink` and tested by `tailer.testing.sink_contract`. Sinks know neither the
journal nor the API.

`program` and `program_words` are the programs of the sink `exec`; `syslog_message` and `syslog_line` belong
to `syslog`, what begins with `nats_` to `nats`, with `kafka_` to `kafka`.

What sinks over a network share: `secrets` (variables and files that hold one), `tls` (options, timeouts),
`address` and `extras` (clients that are installed on request).

The floors inside: `text` <- `zones` <- `formats` and `options` | `filesystem` <- `appended` <-
`dead_letters` | `archive` <- `rotator`, or `event_table`, or `postgres_table` | `postgres_line` |
`postgres_faults`, or `redis_faults`, or `nats_wire` <- `nats_faults` <- `nats_line` | `nats_stream`, or
`kafka_faults` | `kafka_lots` <- `kafka_line` <- `kafka_config`, or `address` | `secrets` | `tls` |
`extras` <- the sinks <- `registry` <- `catalogue`.
"""
