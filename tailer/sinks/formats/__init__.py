"""What events look like as text: a line each, in one of five formats.

May live here: one file a format, what several of them share, and `choice`, which makes one by its name. A
format is a `format.Format`: it renders batches to bytes, keeps what it has rendered before, and knows neither
files nor terminals. Whatever a device is called, a format lets no control character through.
"""
