"""What a collection could not read: listed from outside or by its owner, dropped, read again.

`listing` asks a daemon or a journal; `holes` is the owner's side; `filling` reads lost gaps again.
"""
