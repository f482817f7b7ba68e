"""Sources of films and ratings: each reader turns files into batches of standard columns."""

from __future__ import annotations

import os
from pathlib import Path

from recsys.errors import SourceError
from recsys.sources import movielens, sample
from recsys.sources.batches import Source

KNOWN_NAMES = {"sample": sample.SampleSource}
FORMATS = {"movielens": movielens.MovieLensSource}


def open_source(name: str, file_format: str | None = None) -> Source:
    """Return the source of a known name or of a folder.

    Parameters
    ----------
    name
        A known name such as ``sample``, or the path of a folder.
    file_format
        One of `FORMATS`; None to recognise it from the files.

    Raises
    ------
    SourceError
        There is no such folder, or its files are of no format that is read here.
    """
    path = Path(os.path.expanduser(name))  # noqa: PTH111  leaves an unknown ~user as it is
    if name in KNOWN_NAMES and file_format is None:
        return KNOWN_NAMES[name]()
    if file_format is not None and file_format not in FORMATS:
        raise SourceError(f"unknown format {file_format!r}: the formats are {', '.join(FORMATS)}")
    if not path.exists():
        raise SourceError(
            f"there is no folder {name!r}: give the path of a MovieLens folder, "
            f"or a known name ({', '.join(KNOWN_NAMES)})"
        )
    for candidate in [file_format] if file_format else FORMATS:
        reader = FORMATS[candidate]
        if reader.recognises(path):
            return reader(path)
    raise SourceError(
        f"{name!r} is of no format that is read here: a MovieLens folder holds "
        "movies.csv (movieId,title,genres) and ratings.csv (userId,movieId,rating,timestamp)"
    )
