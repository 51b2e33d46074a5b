"""The API room: the only place that knows HTTP and the shape of Cloudflare's answers.

May live here: building a request, deciphering an answer (`protocol`, `refusals`, `headers`, `credentials`:
pure, no socket), sending one (`client`, the only module that touches aiohttp; `proxy` finds its way out) and
sending it again (`retry`, the only module that touches tenacity). What leaves the room is a `Page`, a list of
`Connector`, or an error of the family; who reacts to it, and when a window is read again, is `pipeline`'s.
"""
