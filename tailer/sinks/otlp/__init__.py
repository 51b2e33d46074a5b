"""The sink `otlp`: OpenTelemetry logs over HTTP, to a collector or to anything else that takes them.

May live here: `records`, what an event is in that model; `encoding`, the same as JSON and as protobuf;
`preset`, how answers are read; `sink`. How requests are sent is `tailer.sinks.http`.
"""
