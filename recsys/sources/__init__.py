"""Sources of films and ratings: each reader turns files into batches of standard columns."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from recsys.errors import SourceError
from recsys.progress import Progress, silent
from recsys.sources import imdb, movielens, netflix, tmdb
from recsys.sources.batches import Source
from recsys.sources.download import sets
from recsys.sources.exports import EXPORTS
from recsys.sources.fields import FIELDS, simple
from recsys.sources.file_source import FileSource
from recsys.sources.files import File, list_files, readable
from recsys.sources.headings import why_unread
from recsys.sources.simulated import sample
from recsys.sources.simulated.synthetic import SyntheticSource
from recsys.sources.tables import Reading

Opener = Callable[[list[File], Reading], FileSource | None]


def _fixed(opener: Callable[[list[File]], FileSource | None]) -> Opener:
    """Return the opener of a format whose files show all that can be said of them."""

    def opened(files: list[File], reading: Reading) -> FileSource | None:
        source = opener(files)
        if source is not None and reading != Reading():
            raise SourceError(
                f"columns, scale, dates and user cannot be said of {source.format}, which is fixed"
            )
        return source

    return opened


# In the order in which they are tried: the first that knows the files has them.
FORMATS: dict[str, Opener] = {
    **{export.name: export.open for export in EXPORTS},
    "kaggle": tmdb.open_kaggle,
    "imdb-datasets": _fixed(imdb.open_imdb),
    "netflix-prize": _fixed(netflix.open_netflix),
    "movielens-100k": _fixed(movielens.open_100k),
    "movietweetings": _fixed(movielens.open_tweetings),
    "movielens-dat": _fixed(movielens.open_dat),
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
    reading: Reading | None = None,
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
    reading
        How columns, ratings and dates are meant, where the files do not show it.

    Raises
    ------
    SourceError
        There is no such path, its files are of no format that is read here, or the data set
        cannot be downloaded.
    """
    reading = reading or Reading()
    if file_format is not None and file_format not in FORMATS:
        raise SourceError(f"unknown format {file_format!r}: the formats are {', '.join(FORMATS)}")
    path = Path(os.path.expanduser(name))  # noqa: PTH111  leaves an unknown ~user as it is
    if name not in ("sample", "synthetic") and name.strip() and path.exists():
        return _open_path(path, readable(str(path)), file_format, reading)
    if reading != Reading():
        raise SourceError(f"{name!r} is no file: its columns, scale, dates and user are known")
    if name == "sample":
        return sample.SampleSource()
    if name == "synthetic":
        return SyntheticSource()
    if name in sets.TERMS:
        return _open_path(sets.fetch(name, progress=progress), name, file_format, reading)
    raise SourceError(
        f"there is no file or folder {readable(name)!r}: give the path of one, or a known name "
        f"(sample, synthetic, {', '.join(sets.TERMS)})"
    )


def _open_path(path: Path, name: str, file_format: str | None, reading: Reading) -> Source:
    listed = list_files(path)
    files = [
        file
        for file in listed
        if len(listed) == 1  # that was asked for
        or netflix.is_own(file.name)
        or not file.name.lower().endswith(COMPANIONS)
    ]
    for candidate in [file_format] if file_format else FORMATS:
        source = FORMATS[candidate](files, reading)
        if source is not None:
            _check_used(source, reading)
            return replace(source, name=name)
    shown = ", ".join(file.name for file in listed[:5]) + (" ..." if len(listed) > 5 else "")
    wanted = f"as {file_format}" if file_format else "in any format"
    why = why_unread(files[0], reading) if len(files) == 1 else ""
    raise SourceError(
        f"{name!r} cannot be read {wanted} (it holds {shown or 'no files'}){why}. A MovieLens "
        "folder, say, holds movies.csv with the first line movieId,title,genres, and ratings.csv "
        "with userId,movieId,rating,timestamp; `recsys load --help` lists the formats"
    )


def _check_used(source: FileSource, reading: Reading) -> None:
    """Refuse what was said of columns that no file has."""
    known = {heading for part in source.parts for heading in part.fields}
    if reading.user_id is not None and all(part.kind != "entries" for part in source.parts):
        raise SourceError(
            f"--user {reading.user_id}: that is for what one person rated or watched, of films by "
            f"title or IMDb id; this is {source.format}"
        )
    for heading, field in reading.columns.items():
        if field not in FIELDS:
            raise SourceError(f"--column {field}={heading}: the names are {', '.join(FIELDS)}")
        if simple(heading) not in map(simple, known):
            shown = ", ".join(sorted(known)) or "none that have names"
            raise SourceError(f"no file has a column {heading!r}; the columns are {shown}")
