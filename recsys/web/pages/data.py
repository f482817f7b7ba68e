"""The data: loads and what they refused, how ratings are spread, what is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from recsys.web.asking import Row, asker
from recsys.web.rendering import page

router = APIRouter()
WIDTH, HEIGHT = 640, 200

LOADS = """
    select run_id, source, format, status, rows_read, rows_loaded, rows_updated, rows_rejected,
        started_at, duration_s
    from recsys_bi.loads order by run_id desc limit 20
"""
REJECTS = """
    select reason, sum(row_count)::bigint as row_count, max(run_id) as last_run, min(file) as file
    from recsys_bi.load_rejects
    group by reason
    order by row_count desc, reason
    limit 20
"""
# A point for each hundredth of the films.
LONG_TAIL = """
    select max(movie_share) as movie_share, max(cumulative_share) as cumulative_share,
        count(*) as films, max(rank) as rank
    from recsys_bi.long_tail
    group by ceil(100 * movie_share)
    order by movie_share
"""
MONTHS = """
    select rated_month, count(*) as rating_count
    from recsys_bi.ratings
    where rated_month is not null
    group by rated_month
    order by rated_month
"""
STARS = "select rating, rating_count from recsys_bi.rating_distribution order by rating"
COVERAGE = """
    select genre, sum(movie_count)::bigint as films,
        sum(recommended_movie_count)::bigint as recommended,
        sum(recommended_movie_count) / sum(movie_count)::double precision as coverage,
        sum(recommendation_share) as recommendation_share, sum(rating_share) as rating_share
    from recsys_bi.recommendation_coverage
    group by genre
    order by genre
"""


@router.get("/data")
async def data(request: Request) -> Response:
    """Show what was loaded, and how it is spread."""
    ask = asker(request)
    months, stars, tail = [await ask.rows(sql) for sql in (MONTHS, STARS, LONG_TAIL)]
    return page(
        request,
        "data.html",
        loads=await ask.rows(LOADS),
        rejects=await ask.rows(REJECTS),
        months=months,
        month_bars=bars([row["rating_count"] for row in months]),
        stars=stars,
        star_bars=bars([row["rating_count"] for row in stars]),
        tail=tail,
        tail_line=line(tail),
        coverage=await ask.rows(COVERAGE),
        width=WIDTH,
        height=HEIGHT,
    )


def bars(values: Sequence[int]) -> list[dict[str, Any]]:
    """Return the bars of a chart, in its units, from left to right."""
    step = WIDTH / max(1, len(values))
    top = max(values, default=0) or 1
    gap = step / 5 if len(values) < 100 else 0
    return [
        {
            "x": round(place * step, 2),
            "width": round(max(step - gap, 0.2), 2),
            "y": round(HEIGHT - HEIGHT * value / top, 2),
            "height": round(HEIGHT * value / top, 2),
        }
        for place, value in enumerate(values)
    ]


def line(tail: Sequence[Row]) -> str:
    """Return the path of the share of ratings over the share of films."""
    points = [
        f"{row['movie_share'] * WIDTH:.1f} {HEIGHT - (row['cumulative_share'] or 0) * HEIGHT:.1f}"
        for row in tail
    ]
    return " L".join([f"M0 {HEIGHT}", *points])
