"""``python -m reproq``: become the ``reproq`` executable."""

from __future__ import annotations

import os
import sys

from reproq import find_reproq_bin


def _run() -> None:
    executable = os.fsdecode(find_reproq_bin())
    if os.name != "nt":
        os.execv(executable, [executable, *sys.argv[1:]])
    import subprocess

    try:
        sys.exit(subprocess.run([executable, *sys.argv[1:]]).returncode)
    except KeyboardInterrupt:
        sys.exit(2)


if __name__ == "__main__":
    _run()
