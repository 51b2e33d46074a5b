"""``python -m tailer`` is the same as ``tailer``."""

from tailer.cli.main import main

if __name__ == "__main__":
    main()
