"""The sink `kafka`: a topic of Apache Kafka, or of what speaks its protocol, each event at least once.

`config` is what may be written in its table; `lots` are the records that go out together, `line` the
connections to the brokers, `faults` what error codes ask for.
"""
