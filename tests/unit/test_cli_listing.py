import fcntl
import io
import os
import pty
import struct
import termios

from tailer.cli.listing import Row, aligned, write_rows

ROWS = [Row({"name": "a\u202eb"}, ("a\u202eb", "one two three four five six seven")), Row({}, ("", ""))]


def on_a_terminal(columns: int) -> list[str]:
    """What a terminal of some width shows."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        write_rows(("NAME", "WORDS"), ROWS, "auto", terminal)
        terminal.write("end\n")
        terminal.flush()
        shown = b""
        while not shown.endswith(b"end\r\n"):  # it comes in pieces when the machine is busy
            shown += os.read(ours, 4096)
    os.close(ours)
    return shown.decode().splitlines()[:-1]


def test_a_pipe_gets_json_that_no_terminal_obeys() -> None:
    """Into a pipe go JSON Lines, with what could fool a reader escaped."""
    stream = io.StringIO()
    write_rows(("NAME",), ROWS, "auto", stream)
    assert stream.getvalue() == '{"name":"a\\u202eb"}\n{}\n'


def test_a_narrow_terminal_wraps_the_last_column() -> None:
    """What is too long goes on below its own column; nothing is cut."""
    lines = on_a_terminal(32)
    assert lines[:3] == [
        "NAME      WORDS",
        "a\\u202eb  one two three four",
        "          five six seven",
    ]


def test_an_id_that_has_no_room_gets_a_line_of_its_own() -> None:
    """No word is broken: the columns that do not fit stand below their row, aligned as well."""
    ours = [
        Row({}, ("Oslo", "yes", "0123456789abcdef01234", "a")),
        Row({}, ("Rome", "no", "f" * 21, "b" * 21)),
    ]
    table = [("NAME", "READ", "ID", "ACCOUNT"), *(row.cells for row in ours)]
    assert aligned(table, 40) == [
        "NAME  READ  ID",
        "    ACCOUNT",
        "Oslo  yes   0123456789abcdef01234",
        "    a",
        "Rome  no    fffffffffffffffffffff",
        "    bbbbbbbbbbbbbbbbbbbbb",
    ]


def test_a_terminal_too_narrow_to_wrap_gets_whole_lines() -> None:
    """Where wrapping would leave a thread of letters, the terminal itself wraps."""
    assert on_a_terminal(20)[1] == "a\\u202eb  one two three four five six seven"
