"""The sink `syslog`: RFC 5424 over UDP, TCP or TLS.

`message` is an event as a message, pure; `line` is the way to a receiver, and blocks.
"""
