"""A believable Magic WAN connector API on loopback: a fleet, its history, and every way an API misbehaves.

May live here: the invented world, the answers made from it, and the aiohttp server that gives them. Nothing
here imports the product (api, journal, pipeline, sinks): a misreading of the API there must not hide here.
Pure and without a clock (`now` is an argument): `rules`, `options`; `fleet`, `stories`, `chronicle`, `shelf`,
`world`; `answers`, `auth`, `query`, `quota`, `service`. The rim: `faults`, `truth`, `server`, `process`.
"""
