"""What is known of a collection at one moment, whoever asks and whoever answers.

`facts` is the data, for people, programs and metrics; `survey` ranks and describes connectors, `lateness`
says how late events are, `metrics` puts all of it into Prometheus' words. Nothing here asks or waits.
"""
