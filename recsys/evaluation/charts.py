"""Plots of an evaluation, as SVG for the inside of a page, in the page's text colour."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from recsys.evaluation.figures import Figure, Scores
from recsys.evaluation.outcomes import ACTIVITY, OURS, RETRIEVAL

INK = "#0a0b0c"  # stands for the page's own text colour, light or dark
COLOURS = {
    OURS: "#3b82f6",
    RETRIEVAL: "#8b5cf6",
    "popularity": "#9299a3",
    "decayed": "#5f6670",
    "item-knn": "#e0862b",
    "user-knn": "#b8621b",
    "ease": "#2ba36c",
    "slim": "#1a7f8c",
}
MARKERS = {
    **{OURS: "o", RETRIEVAL: "v", "popularity": "s", "decayed": "p", "item-knn": "^"},
    **{"user-knn": "<", "ease": "D", "slim": "d"},
}
OTHER_COLOUR, OTHER_MARKER = "#d6457a", "P"  # a model that is compared with
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "recsys",  # the same figures, the same file
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,  # a genre's name may hold dollars
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "errorbar.capsize": 2,
}


def draw(scores: Scores, k: int) -> dict[str, str]:
    """Return every plot that there are figures for, as SVG by name.

    Parameters
    ----------
    k
        Length of the lists, in the plot of coverage and accuracy.
    """
    plots: dict[str, Callable[[Drawing], None]] = {
        "precision-recall": lambda drawing: _precision_recall(drawing, scores),
        "length": lambda drawing: _length(drawing, scores),
        "coverage": lambda drawing: _coverage(drawing, scores, k),
        "activity": lambda drawing: _activity(drawing, scores),
    }
    if any(figure.slice.startswith("genre ") for figure in scores.slices):
        plots["genres"] = lambda drawing: _genres(drawing, scores)
    return {name: to_svg(sketch(plot), name) for name, plot in plots.items()}


def sketch(plot: Callable[[Drawing], None]) -> Drawing:
    """Return a drawing in the style of all plots."""
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(5.2, 3.6), layout="constrained")
        plot(drawing)
    return drawing


def to_svg(drawing: Drawing, name: str) -> str:
    """Return the drawing as an element of a page; `name` makes its ids unique there."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context(STYLE):
        drawing.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace(INK, "currentColor")


def _axes(drawing: Drawing, x: str, y: str, of: tuple[int, int] = (1, 1)) -> Axes:
    rows, place = of
    axes: Axes = drawing.add_subplot(1, rows, place)
    axes.set(xlabel=x, ylabel=y)
    axes.set_axisbelow(True)
    return axes


def _line(axes: Axes, method: str, x: list[float], y: list[float]) -> None:
    width = 2.0 if method == OURS else 1.3
    axes.plot(x, y, color=COLOURS.get(method, OTHER_COLOUR), label=method, linewidth=width)


def _precision_recall(drawing: Drawing, scores: Scores) -> None:
    axes = _axes(drawing, "recall: share of all held-out films", "precision")
    for method, recall in scores.curves["recall"].items():
        _line(axes, method, recall, scores.curves["precision"][method])
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend()


def _length(drawing: Drawing, scores: Scores) -> None:
    for place, (metric, name) in enumerate((("ndcg", "NDCG@k"), ("recall", "share found")), 1):
        axes = _axes(drawing, "k", name, (2, place))
        for method, values in scores.curves[metric].items():
            _line(axes, method, [float(k) for k in range(1, len(values) + 1)], values)
        axes.set_ylim(bottom=0)
    axes.legend()


def _coverage(drawing: Drawing, scores: Scores, k: int) -> None:
    axes = _axes(drawing, f"NDCG@{k}", f"coverage@{k}")
    for method, figures in scores.by_method().items():
        if ("ndcg", k) in figures:
            x, y = figures["ndcg", k], figures["coverage", k]
            axes.errorbar(
                x.value,
                y.value,
                xerr=_error([x]),
                yerr=_error([y]),
                fmt=MARKERS.get(method, OTHER_MARKER),
                color=COLOURS.get(method, OTHER_COLOUR),
                label=method,
            )
    axes.set_ylim(bottom=0)
    axes.legend()


def _activity(drawing: Drawing, scores: Scores) -> None:
    axes = _axes(drawing, "films that the user is known to like (users)", "NDCG@10")
    found = _slices(scores, "known ")
    names = [name for name in ACTIVITY if name in found[OURS]]
    for shift, (method, figures) in enumerate(found.items()):
        there = [figures[name] for name in names]
        axes.errorbar(
            [
                place + (shift - len(found) / 2 + 0.5) * 0.8 / len(found)
                for place in range(len(names))
            ],
            [figure.value for figure in there],
            yerr=_error(there),
            fmt=MARKERS.get(method, OTHER_MARKER),
            markersize=5,
            color=COLOURS.get(method, OTHER_COLOUR),
            label=method,
        )
    labels = [f"{name}\n({found[OURS][name].users:,})" for name in names]
    axes.set_xticks(range(len(names)), labels)
    axes.set_ylim(bottom=0)
    axes.legend()


def _genres(drawing: Drawing, scores: Scores) -> None:
    drawing.set_size_inches(9.0, 5.2)
    axes = _axes(drawing, "NDCG@10 of the held-out films of the genre", "")
    found = _slices(scores, "genre ")
    names = sorted(found[OURS], key=lambda name: found[OURS][name].value)
    ours = [found[OURS][name] for name in names]
    axes.barh(
        range(len(names)),
        [figure.value for figure in ours],
        xerr=_error(ours),
        color=COLOURS[OURS],
        alpha=0.45,
        ecolor=INK,
        error_kw={"linewidth": 0.8},
        label=OURS,
    )
    for method, figures in found.items():
        if method != OURS:
            values = [figures[name].value for name in names]
            axes.plot(
                values,
                range(len(names)),
                MARKERS.get(method, OTHER_MARKER),
                color=COLOURS.get(method, OTHER_COLOUR),
                markersize=5,
                label=method,
            )
    axes.set_yticks(range(len(names)), [f"{name} ({found[OURS][name].users:,})" for name in names])
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower right")


def _slices(scores: Scores, kind: str) -> dict[str, dict[str, Figure]]:
    """Return NDCG@10 by method and by the slice's name."""
    found: dict[str, dict[str, Figure]] = {}
    for figure in scores.slices:
        if figure.metric == "ndcg" and figure.slice.startswith(kind):
            found.setdefault(figure.method, {})[figure.slice.removeprefix(kind)] = figure
    return found


def _error(figures: list[Figure]) -> list[list[float]]:
    """Return how far the intervals reach below and above."""
    return [
        [max(figure.value - figure.ci_low, 0) for figure in figures],
        [max(figure.ci_high - figure.value, 0) for figure in figures],
    ]
