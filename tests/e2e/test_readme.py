import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import TOKEN, environment, simulator

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LIBRARY = [code for code in CODE if "import tailer" in code]
PROGRAMS = [code for code in CODE if "import tailer" not in code]
"""They read events from standard input, as the sink `exec` writes them."""


@pytest.mark.parametrize("code", PROGRAMS, ids=range(len(PROGRAMS)))
def test_program_of_the_readme_acknowledges(code: str, tmp_path: Path) -> None:
    """It prints the id of each whole line; one that is cut is not acknowledged."""
    script = tmp_path / "program.py"
    script.write_text(code)
    lines = '{"id":"a/c/1.0"}\n{"id":"a/c/2.0"}\n{"id":"a/c/3.0"}'
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], input=lines, capture_output=True, text=True, check=True
    )
    assert done.stdout == "a/c/1.0\na/c/2.0\n"
    assert done.stderr == ""


@pytest.mark.parametrize("code", LIBRARY, ids=range(len(LIBRARY)))
def test_code_of_the_readme_runs(code: str, tmp_path: Path) -> None:
    """The README's Python, copied into a file, prints events and ends without a word on stderr."""
    script = tmp_path / "example.py"
    script.write_text(code)
    with simulator(tmp_path, "--rate", "5") as variables:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            env=environment(**variables),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stderr == ""
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 100
    assert "Reconcile debug" in done.stdout
    assert TOKEN not in done.stdout
