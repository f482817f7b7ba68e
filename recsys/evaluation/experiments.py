"""The plot of an experiment: each variant's lift as it was known day by day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from recsys.evaluation.charts import STYLE, sketch


def draw_lifts(days: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw the lift of each variant with its interval, by day.

    Parameters
    ----------
    days
        Rows with ``as_of``, ``variant``, ``lift``, ``lift_low`` and ``lift_high``.
    file
        A png, svg or pdf.
    """

    def plot(drawing: Figure) -> None:
        axes = drawing.subplots()
        axes.axhline(0, color="#9299a3", linewidth=0.8, linestyle="--")
        for variant, rows in pd.DataFrame(days).groupby("variant"):
            as_of = rows["as_of"].to_numpy(dtype="datetime64[s]")
            (line,) = axes.plot(as_of, rows["lift"], label=str(variant))
            axes.fill_between(
                as_of, rows["lift_low"], rows["lift_high"], color=line.get_color(), alpha=0.15
            )
        axes.set(ylabel="more clicks a user than the first variant")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend()
        drawing.autofmt_xdate()

    drawing = sketch(plot)
    with mpl.rc_context(STYLE):
        drawing.savefig(file, dpi=100)
