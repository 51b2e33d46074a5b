"""Where events go: files, the terminal, memory, and whatever third parties bring.

May live here: one file a sink, the formats that they share, the file of what they reject, the registry that
finds a sink's class by the ``type`` of its table, and the catalogue that tells people what there is. A sink
class owns its nested ``Config`` and is built as ``Class(config, context)``; what its three verbs promise is
written at `tailer.interfaces.Sink` and tested by `tailer.testing.sink_contract`. Sinks know neither the
journal nor the API.

A sink that is more than one file is a package: its class is in the module `sink` there, and the package says
what the others are.

What sinks over a network share: `secrets` (variables and files that hold one), `tls` (options, timeouts),
`address` and `extras` (clients that are installed on request).

The floors inside: `text` <- `zones` <- `formats` and `options` | `filesystem` <- `appended` <-
`dead_letters`, or `address` | `secrets` | `tls` | `extras` <- the sinks <- `registry` <- `catalogue`.
"""
