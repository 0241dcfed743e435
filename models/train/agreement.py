"""How far the two labellers of `labels/open.tsv` agree on the posts that both labelled: Cohen's kappa.

    python models/train/agreement.py
"""

from __future__ import annotations

import data


def kappa(first: list, second: list) -> float:
    """1: always of one mind; 0: as often as chance would have it."""
    n = len(first)
    same = sum(x == y for x, y in zip(first, second)) / n
    chance = sum(first.count(v) * second.count(v) for v in set(first) | set(second)) / n**2
    return (same - chance) / (1 - chance) if chance < 1 else float("nan")


def main() -> None:
    by_key: dict[str, list[dict]] = {}
    for row in data.ours("open.tsv"):
        by_key.setdefault(row["key"], []).append(row)
    pairs = [sorted(rows, key=lambda r: r["labeller"]) for rows in by_key.values() if len(rows) == 2]
    print(f"{len(by_key)} posts, {len(pairs)} labelled twice")
    for name in data.INTENTS:
        marks = [[name in r["intents"].split("|") for r in side] for side in zip(*pairs)]
        print(f"{name}: kappa {kappa(*marks):.3f}, marked {sum(marks[0])} and {sum(marks[1])} times")
    for name in ("urgency", "sentiment"):
        print(f"{name}: kappa {kappa(*[[r[name] for r in side] for side in zip(*pairs)]):.3f}")


if __name__ == "__main__":
    main()
