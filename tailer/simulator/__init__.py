"""A believable Magic WAN connector API on loopback: a fleet, its history, and every way an API misbehaves.

May live here: the invented world, the answers made from it, and the aiohttp server that gives them. Nothing
here imports the product (api, journal, pipeline, sinks): a misreading of the API there must not hide here.
The floors inside: `rules`, `options` <- `fleet`, `stories` <- `world` <- `query`, `quota`, `answers`
<- `faults`, `truth` <- `server`. Up to `answers` everything is pure: `now` is an argument.
"""
