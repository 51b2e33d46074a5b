"""The API room: the only place that knows HTTP and the shape of Cloudflare's answers.

May live here: building a request and deciphering an answer (`protocol`, `refusals`, `headers`, `credentials`,
`route`: no socket, no clock), sending one (`client`, with `transport` the only modules that touch aiohttp),
paying for it (`ledger`: where budget and API time of `core` meet clock and headers) and sending it again
(`retry`, the only module that touches tenacity). What leaves the room is a `Page`, a list of `Connector`, or
an error of the family; who reacts to it, and when a window is read again, is `pipeline`'s business.
"""
