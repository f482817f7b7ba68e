"""What the columns of files are called: the fields that are read, by the headings they go under."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

# Headings of a field, in lower case and without anything but letters and digits.
FIELDS: dict[str, str] = {
    "user_id": "userid user uid customerid custid memberid viewerid reviewerid userkey",
    "movie_id": "movieid movie itemid item filmid film moviekey asin parentasin productid",
    "id": "id",
    "imdb_id": "imdbid imdb const tconst imdbtitleid imdbkey imdburl",
    "tmdb_id": "tmdbid tmdb themoviedbid tmdburl",
    "title": "title name movietitle filmtitle primarytitle seriestitle moviename filmname",
    "original_title": "originaltitle originalname",
    "released": "year releaseyear releasedyear startyear movieyear filmyear yearofrelease "
    "yearreleased releasedate released dateofrelease premiered",
    "date": "date",
    "medium": "type titletype mediatype",  # of a title: a film, or none
    "rating": "rating yourrating myrating userrating usersrating stars ratingvalue ratingscore "
    "starrating score overall",
    "rated_at": "timestamp ratedat ratingtime ratingtimestamp ratingdate daterated dateofrating "
    "unixtimestamp unixtime unixreviewtime reviewtime reviewdate watcheddate watchedat "
    "datewatched lastwatchedat listedat likedat createdat taggedat datetime time",
    "status": "feedback",
    "tag": "tag",
    "tags": "tags plotkeywords",
    "keywords": "keywords keyword",
    "overview": "overview description summary",
    "plot": "plot plotsynopsis synopsis plotsummary storyline",
    "tagline": "tagline",
    "poster_path": "posterpath poster posterurl posterlink",
    "genres": "genres genre listedin class",  # RecBole: class
    "cast": "cast actors actor starring topcast",
    "crew": "crew",
    "directors": "directors director directedby",
    "writers": "writers writer screenplay writtenby screenwriter screenwriters",
    "adult": "adult isadult",
    "gender": "gender sex",
    "age": "age",
    "occupation": "occupation job",
    "postal_code": "postalcode zipcode zip",
}
FIELD_OF = {heading: field for field, headings in FIELDS.items() for heading in headings.split()}
# Where a site writes its own mean as Rating, what the user gave goes under these.
ONES_OWN = ("yourrating", "myrating", "userrating", "usersrating")
TEXTS = ("overview", "plot", "tagline")
PEOPLE = {"cast": "actor", "directors": "director", "writers": "writer"}
LISTS = ("genres", "keywords", "cast", "crew", "directors", "writers")
DETAILS = (*TEXTS, *LISTS)  # what tells of a film more than which it is
# The actors of a film in columns of their own: Star1, Star2, actor_1_name.
ACTOR = re.compile(r"(?:star|actor)([0-9]{1,2})(?:name)?")
# Words by which a column that is not read may be what is missing.
HINTS = {
    "user_id": {"user", "customer", "member", "viewer", "reviewer", "account", "profile"},
    "movie_id": {"movie", "film", "item", "product", "asin"},
    "rating": {"rating", "ratings", "stars", "star", "score", "rate", "vote", "grade", "like"},
    "rated_at": {"time", "timestamp", "date", "datetime", "when", "watched"},
    "title": {"title", "name", "film", "movie"},
    "released": {"year", "released", "release"},
    "imdb_id": {"imdb"},
    "tmdb_id": {"tmdb"},
    "genres": {"genre", "genres", "category"},
    "plot": {"plot", "synopsis"},
    "overview": {"overview", "description", "summary"},
    "cast": {"cast", "actors", "actor"},
    "directors": {"director", "directors"},
}


def simple(heading: str) -> str:
    """Return a heading in lower case, letters and digits alone; types as RecBole writes them go."""
    name = re.sub(r":(token|float|token_seq|float_seq)\s*$", "", heading)
    return re.sub(r"[\W_]", "", name.lower())


def field_of(heading: str) -> str:
    """Return the field that a heading means, empty if none; of a path such as movie.ids.imdb too.

    A path is read from its end, so that ``movie.title`` is a title and ``user.id`` a user's id.
    """
    steps = heading.split(".")
    if len(steps) > 1:
        joined = FIELD_OF.get(simple(steps[-2] + steps[-1]))
        if joined or steps[0] == "user":
            return joined or ""
    name = simple(steps[-1])
    if name in FIELD_OF:
        return FIELD_OF[name]
    actor = ACTOR.fullmatch(name)
    return f"actor_{int(actor[1])}" if actor else ""


def fields_of(headings: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Return the field of each heading, empty for those without one.

    Parameters
    ----------
    given
        Fields by the heading that they were said to be, which go before what headings mean.
    """
    names = list(map(simple, headings))
    own = next((name for name in ONES_OWN if name in names), None)
    said = {own: "rating"} if own else {}
    said |= {simple(heading): field for heading, field in given.items()}
    taken = {field for name, field in said.items() if name in names}
    named: list[str] = []
    for heading in headings:
        field = said.get(simple(heading)) or field_of(heading)
        if field in taken and simple(heading) not in said:
            field = ""
        named.append(field)
    return tuple(named)


def near_misses(headings: Sequence[str], missing: Sequence[str]) -> dict[str, str]:
    """Return which field each heading that is not read may mean, of those that are missing.

    By a word that it holds, or by letters: ``Overal Rating``, ``ratng``.
    """
    found: dict[str, str] = {}
    for heading in headings:
        if field_of(heading):
            continue  # it is what another column is already
        words = {word.lower() for word in re.findall(r"[A-Za-z][a-z]*|[A-Z]+", heading)}
        for field in missing:
            close = difflib.get_close_matches(
                simple(heading), FIELDS.get(field, "").split(), 1, 0.75
            )
            if field not in found.values() and (words & HINTS.get(field, set()) or close):
                found[heading] = field
                break
    return found
