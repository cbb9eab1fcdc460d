"""Fail on a test that skipped for a reason that `.ci/allowed_skips.txt` does not list: `check_skips.py LOG`.

The log is pytest's, with `-ra`: a line `SKIPPED [count] file:line: reason` for each reason.
"""

import re
import sys
from pathlib import Path


def main(log: str) -> int:
    listed = Path(__file__).with_name("allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    allowed = [line for line in listed if line and not line.startswith("#")]
    skipped = re.findall(r"^SKIPPED \[\d+\] (.*)$", Path(log).read_text(encoding="utf-8"), re.MULTILINE)
    unlisted = [line for line in skipped if not any(re.search(pattern, line) for pattern in allowed)]
    for line in unlisted:
        print(f"not on .ci/allowed_skips.txt: {line}", file=sys.stderr)
    return bool(unlisted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
