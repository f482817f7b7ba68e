"""Sources of films and ratings: each reader turns files into batches of standard columns."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from recsys.errors import SourceError
from recsys.progress import Progress, silent
from recsys.sources import movielens, tmdb
from recsys.sources.batches import Source
from recsys.sources.download import sets
from recsys.sources.file_source import FileSource
from recsys.sources.files import File, list_files, readable
from recsys.sources.simulated import sample
from recsys.sources.simulated.synthetic import SyntheticSource

# In the order in which they are tried: the first that knows the files has them.
FORMATS: dict[str, Callable[[list[File]], FileSource | None]] = {
    "kaggle": tmdb.open_kaggle,
    "movielens-100k": movielens.open_100k,
    "movietweetings": movielens.open_tweetings,
    "movielens-dat": movielens.open_dat,
    "tmdb": tmdb.open_tmdb,
    "movielens": movielens.open_csv,
    "texts": tmdb.open_texts,
    "ratings": tmdb.open_ratings,
}
# What comes with the data and is no data.
COMPANIONS = (".txt", ".md", ".html", ".pdf")


def open_source(
    name: str,
    file_format: str | None = None,
    progress: Progress = silent,
) -> Source:
    """Return the source of a known name, or of a folder, zip or file.

    Parameters
    ----------
    name
        A path; ``sample``, ``synthetic``, or the name of a public data set (`sets.TERMS`),
        which is downloaded unless it was before. A path of a set's name comes first.
    file_format
        One of `FORMATS`; None to recognise it from the files.
    progress
        Told of a download: the bytes that are there, and the bytes in all.

    Raises
    ------
    SourceError
        There is no such path, its files are of no format that is read here, or the data set
        cannot be downloaded.
    """
    if file_format is not None and file_format not in FORMATS:
        raise SourceError(f"unknown format {file_format!r}: the formats are {', '.join(FORMATS)}")
    if name == "sample":
        return sample.SampleSource()
    if name == "synthetic":
        return SyntheticSource()
    path = Path(os.path.expanduser(name))  # noqa: PTH111  leaves an unknown ~user as it is
    if name.strip() and path.exists():
        return _open_path(path, readable(str(path)), file_format)
    if name in sets.TERMS:
        return _open_path(sets.fetch(name, progress=progress), name, file_format)
    raise SourceError(
        f"there is no file or folder {readable(name)!r}: give the path of one, or a known name "
        f"(sample, synthetic, {', '.join(sets.TERMS)})"
    )


def _open_path(path: Path, name: str, file_format: str | None) -> Source:
    listed = list_files(path)
    files = [file for file in listed if not file.name.lower().endswith(COMPANIONS)]
    for candidate in [file_format] if file_format else FORMATS:
        source = FORMATS[candidate](files)
        if source is not None:
            return replace(source, name=name)
    shown = ", ".join(file.name for file in listed[:5]) + (" ..." if len(listed) > 5 else "")
    wanted = f"as {file_format}" if file_format else "in any format"
    raise SourceError(
        f"{name!r} cannot be read {wanted} (it holds {shown or 'no files'}). A MovieLens folder, "
        "say, holds movies.csv with the first line movieId,title,genres, and ratings.csv with "
        "userId,movieId,rating,timestamp; `recsys load --help` lists the formats"
    )
