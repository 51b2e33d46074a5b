import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import TOKEN, environment, simulator

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
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
