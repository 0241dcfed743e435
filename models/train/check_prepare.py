"""Holds `prepare.py` to the golden file that the Rust side is held to: exits 1 on any difference."""

import json
import sys

from prepare import MODELS, Preparer


def main() -> int:
    golden = MODELS.parent / "tests" / "fixtures" / "prepare.jsonl"
    prepare, wrong, cases = Preparer(), 0, 0
    for line in golden.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        cases += 1
        found = prepare(case["input"])
        if found != case["output"]:
            wrong += 1
            print(f"{case['input']!r}: {found!r}, expected {case['output']!r}")
    print(f"{cases} cases, {wrong} wrong")
    return 1 if wrong or cases < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
