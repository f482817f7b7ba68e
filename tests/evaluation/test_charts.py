"""Texts in plots are texts."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure

from recsys.evaluation.charts import STYLE


def test_a_genre_with_dollars_is_no_mathematics() -> None:
    with mpl.rc_context(STYLE):
        drawing = Figure()
        drawing.add_subplot().set_xticks([0], ["$x_{$"])
        drawing.savefig(image := io.StringIO(), format="svg")
    assert "$x_{$" in image.getvalue()
