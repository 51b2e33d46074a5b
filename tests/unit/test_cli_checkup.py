from tailer.app.check.findings import Finding
from tailer.cli.checkup import line_of

FINDING = Finding("sink", "ok", "file (file): /var/log/tailer/events.jsonl\nis appended to \x1b[2J")


def test_a_finding_is_one_line_in_a_pipe() -> None:
    """Without a terminal a finding is a line of its own, and can't steer one later."""
    assert line_of(FINDING, None) == (
        "ok       sink           file (file): /var/log/tailer/events.jsonl is appended to \\u001b[2J\n"
    )


def test_a_finding_is_broken_between_words_on_a_terminal() -> None:
    """On a terminal a long text goes on below itself."""
    assert line_of(FINDING, 66) == (
        "ok       sink           file (file): /var/log/tailer/events.jsonl\n"
        "                        is appended to \\u001b[2J\n"
    )


def test_a_finding_is_left_to_a_terminal_without_room() -> None:
    """On a terminal that is too narrow for anything, the terminal breaks the lines."""
    assert line_of(FINDING, 30).count("\n") == 1
