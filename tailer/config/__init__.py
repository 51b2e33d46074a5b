"""Configuration: from TOML and environment to frozen structs, or to all mistakes at once.

May live here: the options with their documentation, and the reading of what the user wrote. Nothing here
opens a socket or a journal; the only files read are the configuration and the token files it names.

The floors inside: `words` <- `tables` (any table into any struct) | `credentials` (secrets that can't be
shown) <- `options` (the structs) <- `document` (a whole file). ``[[sinks]]`` stay raw tables, for only
`tailer.sinks` knows the types: the composition root resolves them and merges the mistakes.
"""
