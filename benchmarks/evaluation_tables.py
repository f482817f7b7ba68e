"""What `recsys evaluate --output csv` printed, as the tables of docs/evaluation.md.

recsys evaluate --split time --output csv > time.csv
python benchmarks/evaluation_tables.py time.csv ...
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

Rows = list[dict[str, str]]
COLUMNS = (("ndcg", "10"), ("recall", "20"), ("coverage", "10"))


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for name in sys.argv[1:]:
        with Path(name).open(newline="") as file:
            print(table(list(csv.DictReader(file))), end="\n\n")


def table(rows: Rows) -> str:
    """A Markdown table: a row a method."""
    lines = [
        f"`{rows[0]['protocol']}`, {int(rows[0]['users']):,} users",
        "",
        "| | NDCG@10 | recall@20 | coverage@10 | `recommend` minus it, NDCG@10 | ratio |",
        "|---|---|---|---|---|---|",
    ]
    found = {(row["method"], row["metric"], row["k"]): row for row in rows}
    best = {
        column: max(float(row["value"]) for key, row in found.items() if key[1:] == column)
        for column in COLUMNS[:2]
    }
    for method in dict.fromkeys(row["method"] for row in rows):
        cells = [value(found[method, *column], best.get(column)) for column in COLUMNS]
        lines.append(f"| {method} | {' | '.join(cells)} | {pair(found[method, 'ndcg', '10'])} |")
    return "\n".join(lines)


def value(row: dict[str, str], best: float | None) -> str:
    if best is None:
        return f"{float(row['value']):.1%}"
    mean, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    marked = f"**{mean:.3f}**" if mean == best else f"{mean:.3f}"
    return f"{marked} [{low:.3f}, {high:.3f}]"


def pair(row: dict[str, str]) -> str:
    if not row["difference"]:
        return " | "
    difference, low, high, ratio, ratio_low, ratio_high = (
        float(row[name])
        for name in (
            *("difference", "difference_low", "difference_high"),
            *("ratio", "ratio_low", "ratio_high"),
        )
    )
    return (
        f"{difference:+.4f} [{low:+.4f}, {high:+.4f}] | "
        f"{ratio:.2f} [{ratio_low:.2f}, {ratio_high:.2f}]"
    )


if __name__ == "__main__":
    main()
