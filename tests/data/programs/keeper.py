"""A program that a user might have written: keeps events in a file, and says so by each event's id.

``keeper.py FOLDER [batch]``: with ``batch`` it takes its whole input and says so by its exit code. What is in
the folder changes its mind: ids in ``refused`` it never takes, with ``broken`` it fails from line 100 on.
"""
# ruff: noqa: T201 - printing is its protocol

import json
import os
import sys
from pathlib import Path

folder = Path(sys.argv[1])
(folder / "keeper.pid").write_text(str(os.getpid()))
is_batch = sys.argv[2:] == ["batch"]
refused_file = folder / "refused"


def refused() -> set[str]:
    """Read which ids are never taken."""
    return set(refused_file.read_text().splitlines()) if refused_file.exists() else set()


lines = sys.stdin.readlines() if is_batch else sys.stdin
if is_batch and refused() & {json.loads(line)["id"] for line in lines}:
    print("one of these is not for me", file=sys.stderr)
    sys.exit(65)
with (folder / "kept.jsonl").open("a+b") as kept:
    kept.seek(max(0, kept.tell() - 1))
    if kept.read() not in {b"", b"\n"}:  # killed in the middle of a line, which so was not acknowledged
        kept.write(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        one = json.loads(line)["id"]
        if not is_batch and one in refused():
            print(f"{one}\tnot this one", flush=True)
            continue
        kept.write(line.encode())
        kept.flush()  # which survives the death of this process
        if not is_batch:
            print(one, flush=True)
        if number >= 100 and (folder / "broken").exists():
            sys.exit("broken after a hundred lines")
