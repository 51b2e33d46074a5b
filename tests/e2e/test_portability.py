"""What `tail` needs of its system: not the things that Windows lacks."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.program import environment

SCRIPT = """
import select, signal, sys

for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None

del select.poll, signal.SIGHUP
sys.argv = ["tailer", "demo", "--for", "2s"]
from tailer.cli.main import main

main()
"""


def test_tail_runs_without_what_only_posix_has(tmp_path: Path) -> None:
    """Without file locks, poll and SIGHUP a tail shows its events and ends well."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment(),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert done.stdout.count("\n") > 3
