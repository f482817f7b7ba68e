"""What people rated or watched, each film by an IMDb id, a TMDB id, or its title and year."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from recsys.sources import columns
from recsys.sources.batches import Batch
from recsys.sources.records import Chunk, Layout, escaped

SEEN, RATED, WATCHLIST, LIKED = "seen", "rated", "watchlist", "liked"


STATUSES = (SEEN, RATED, WATCHLIST, LIKED)


# What a title may be that is a film; series and games, say, are passed over.
FILMS = ("movie", "film", "feature", "tvmovie", "short", "tvshort", "video", "tvspecial")
NO_FILM = "it is no film"


def read_entries(chunk: Chunk, file: str, layout: Layout, status: str = "") -> Batch:
    """Read rows of text.

    Parameters
    ----------
    status
        Of an entry that has neither a rating nor a status; ``seen`` unless given.
    """
    chunk = _films_alone(chunk, file)
    rows = chunk.rows
    none = pd.Series("", rows.index, dtype="str")
    rated = rows.get("rating", none).str.strip() != ""
    said = rows.get("status", none).str.strip().str.lower()
    wrong = ~said.isin(["", *STATUSES])
    said = said.mask(said.isin(["", RATED]), status or SEEN)
    rows = rows.assign(status=said.mask(rated, RATED))
    # An entry needs neither a rating nor an id; what stands in their place is taken off again.
    known = rows.get("movie_id", none).str.strip() != ""
    if "rating" in rows:
        rows["rating"] = rows["rating"].where(rated, f"{layout.scale.high:g}")
    if "movie_id" in rows:
        rows["movie_id"] = rows["movie_id"].where(known, "0")
    why = f"feedback is none of {', '.join(STATUSES)}"
    chunk = replace(chunk, rows=rows).refuse(file, wrong.map({True: why, False: ""}).tolist())
    chunk = columns.parse(chunk, file, layout)
    rows, raw = chunk.rows, chunk.raw
    if "rating" in rows:
        rows["rating"] = rows["rating"].where(rows["status"] == RATED)
    if "movie_id" in rows:
        rows["movie_id"] = rows["movie_id"].astype("Int64").mask(rows["movie_id"] == 0)
    if "title" in rows:
        rows["title"], rows["year"] = columns.title_years(columns.drop_film(rows["title"]))
    if "released" in rows:
        years = columns.date_years(rows["released"])
        rows["year"] = years.fillna(rows["year"]) if "year" in rows else years
    rows["raw"] = [escaped(text) for text in raw]
    return Batch("entries", file, rows, chunk.rejects, chunk.size, lambda n: escaped(raw[n]))


def _films_alone(chunk: Chunk, file: str) -> Chunk:
    """Leave out what is no film, which is no fault of the row."""
    if "medium" not in chunk.rows:
        return chunk
    medium = chunk.rows["medium"].str.lower().str.replace(r"[\W_]", "", regex=True)
    film = medium.isin(["", *FILMS])
    refused = chunk.refuse(file, film.map({True: "", False: NO_FILM}).tolist())
    rejects = [replace(one, fault=one.reason != NO_FILM) for one in refused.rejects]
    return replace(refused, rejects=rejects)
