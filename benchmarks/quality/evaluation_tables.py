"""What `recsys evaluate --output csv` printed, as the tables of docs/evaluation.md.

recsys evaluate --split time --output csv > time.csv
python -m benchmarks.quality.evaluation_tables time.csv ...
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

Rows = list[dict[str, str]]
COLUMNS = (("ndcg", "10"), ("recall", "20"), ("stars", "10"), ("coverage", "10"))


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for name in sys.argv[1:]:
        with Path(name).open(newline="") as file:
            print(table(list(csv.DictReader(file))), end="\n\n")


def table(every: Rows) -> str:
    """A Markdown table: a row a method, and known and new users apart if there are both."""
    rows = [row for row in every if not row["group"]]
    lines = [
        f"`{rows[0]['protocol']}`, {int(rows[0]['users']):,} users",
        "",
        "| | NDCG@10 | recall@20 | mean stars@10 | coverage@10 | `recommend` minus it, NDCG@10 "
        "| mean stars@10 |",
        "|---|---|---|---|---|---|---|",
    ]
    found = {(row["method"], row["metric"], row["k"]): row for row in rows}
    best = {
        column: max(float(row["value"]) for key, row in found.items() if key[1:] == column)
        for column in COLUMNS[:-1]
    }
    for method in dict.fromkeys(row["method"] for row in rows if row["metric"] == "ndcg"):
        cells = [value(found[method, *column], best.get(column)) for column in COLUMNS]
        cells += [pair(found[method, *column]) for column in (COLUMNS[0], COLUMNS[2])]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    lines += groups(every)
    errors = [row for row in rows if row["metric"] == "rmse"]
    of_methods = [
        f"{row['method']} {value(row, None)}{pair(row, ', difference ')}" for row in errors
    ]
    return "\n".join([*lines, "", f"RMSE of predicted stars: {'; '.join(of_methods)}"])


def groups(rows: Rows) -> list[str]:
    """A table of NDCG@10 and recall@20 of known and of new users."""
    found = {
        (row["group"], row["metric"], row["method"]): row
        for row in rows
        if row["group"] and (row["metric"], row["k"]) in COLUMNS
    }
    if not found:
        return []
    users = {group: f"{int(row['users']):,} {group} users" for (group, *_), row in found.items()}
    titles = [
        f"NDCG@10 of {of} | `recommend` minus it | recall@20 of {of}" for of in users.values()
    ]
    lines = ["", f"| | {' | '.join(titles)} |", "|---" * (1 + 3 * len(users)) + "|"]
    for method in dict.fromkeys(method for *_, method in found):
        cells = []
        for group in users:
            ndcg, recall = (found[group, metric, method] for metric in ("ndcg", "recall"))
            cells += [value(ndcg, None), pair(ndcg), value(recall, None)]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return lines


def value(row: dict[str, str], best: float | None) -> str:
    if row["metric"] == "coverage":
        return f"{float(row['value']):.1%}"
    mean, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    marked = f"**{mean:.3f}**" if mean == best else f"{mean:.3f}"
    return f"{marked} [{low:.3f}, {high:.3f}]"


def pair(row: dict[str, str], before: str = "") -> str:
    if not row["difference"]:
        return ""
    names = ("difference", "difference_low", "difference_high")
    difference, low, high = (float(row[name]) for name in names)
    return f"{before}{difference:+.4f} [{low:+.4f}, {high:+.4f}]"


if __name__ == "__main__":
    main()
