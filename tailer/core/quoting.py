"""What people wrote, as a message repeats it."""

_MAX_CHARACTERS = 40


def shown(text: str) -> str:
    """Quote a text, escaped and cut, so that a pasted file does not fill the screen."""
    return repr(text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}...")
