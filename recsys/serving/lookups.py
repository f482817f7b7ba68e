"""Questions about films, users and models by their ids; asked of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult

from recsys.errors import InvalidRequest, UnknownMovie
from recsys.serving.answers import Answers
from recsys.serving.arguments import integer, integers
from recsys.serving.records import Figure, Mark, ModelVersion, Movie, Rating
from recsys.serving.statements import Question
from recsys.serving.writes import Kind, check_kind

MOVIES = """
    select m.movie_id, m.title, m.year, d.genres, m.imdb_id, m.tmdb_id, m.poster_path,
        m.rating_count, m.rating_mean, t.overview, t.plot, t.tagline,
        coalesce((
            select jsonb_object_agg(r.role, r.names)
            from (
                select mp.role, array_agg(
                    p.name order by mp.position nulls last, p.name, p.person_id) as names
                from recsys.movie_people mp
                join recsys.people p on p.person_id = mp.person_id
                where mp.movie_id = m.movie_id
                group by mp.role
            ) r), '{}') as people,
        array(
            select w.keyword from recsys.movie_keywords w
            where w.movie_id = m.movie_id order by w.keyword) as keywords
    from unnest(cast(:movie_ids as bigint[])) with ordinality as given (movie_id, place)
    join recsys.movies m on m.movie_id = given.movie_id
    cross join lateral recsys_internal.describe_movie(m.movie_id) d
    cross join lateral (
        select max(t.text) filter (where t.kind = 'overview') as overview,
            max(t.text) filter (where t.kind = 'plot') as plot,
            max(t.text) filter (where t.kind = 'tagline') as tagline
        from recsys.movie_texts t
        where t.movie_id = m.movie_id
    ) t
    order by given.place
"""
RATINGS = """
    select r.movie_id, m.title, m.year, r.rating, r.rated_at
    from recsys.ratings r
    join recsys.movies m on m.movie_id = r.movie_id
    where r.user_id = cast(:user_id as bigint)
    order by r.rated_at desc, r.movie_id
    limit cast(:k as integer)
"""
MARKS = """
    select f.movie_id, m.title, m.year, f.kind, f.at
    from recsys.feedback f
    join recsys.movies m on m.movie_id = f.movie_id
    where f.user_id = cast(:user_id as bigint)
      and (cast(:kind as text) is null or f.kind = cast(:kind as text))
    order by f.at desc, f.movie_id, f.kind
    limit cast(:k as integer)
"""
MODELS = """
    select m.*, coalesce((
        select jsonb_agg(to_jsonb(x) - 'model_id'
            order by x.measured_at desc, x.protocol, x.method, x.metric, x.k)
        from recsys_bi.model_metrics x
        where x.model_id = m.model_id), '[]') as figures
    from recsys_bi.models m
    order by m.model_id desc
"""
VARIANT = "select recsys.variant_of(cast(:user_id as bigint), cast(:experiment as text))"


class Lookups:
    """What is known of films, users and models."""

    def movie(self, movie_id: int) -> Question[Movie]:
        """Return what is known of a film.

        Parameters
        ----------
        movie_id
            The film, also one that is hidden from the answers.

        Raises
        ------
        UnknownMovie
            There is no such film.
        """
        ids = [integer("movie_id", movie_id)]
        return Question(
            MOVIES, {"movie_ids": ids}, lambda found: _movies(found, ids, "movie_id")[0]
        )

    def movies(self, movie_ids: Sequence[int]) -> Question[Answers[Movie]]:
        """Return what is known of films, in the order of the ids.

        Parameters
        ----------
        movie_ids
            The films.

        Raises
        ------
        UnknownMovie
            There is no film of one of the ids.
        """
        ids = integers("movie_ids", movie_ids)
        return Question(MOVIES, {"movie_ids": ids}, lambda found: _movies(found, ids, "movie_ids"))

    def ratings(self, user_id: int, k: int | None = None) -> Question[Answers[Rating]]:
        """Return what a user has rated, the newest first; none for a user without ratings.

        Parameters
        ----------
        user_id
            The user.
        k
            At most so many; None for all.

        Raises
        ------
        InvalidRequest
            k is below 1.
        """

        def read(found: CursorResult[Any]) -> Answers[Rating]:
            return Answers(Rating, [Rating(**row) for row in found.mappings()])

        return Question(RATINGS, {"user_id": integer("user_id", user_id), "k": _length(k)}, read)

    def marks(
        self, user_id: int, kind: Kind | None = None, k: int | None = None
    ) -> Question[Answers[Mark]]:
        """Return a user's feedback apart from ratings (see `mark`), the newest first.

        Parameters
        ----------
        user_id
            The user.
        kind
            Of this kind alone; None for all.
        k
            At most so many; None for all.

        Raises
        ------
        InvalidRequest
            The kind is unknown, or k is below 1.
        """

        def read(found: CursorResult[Any]) -> Answers[Mark]:
            return Answers(Mark, [Mark(**row) for row in found.mappings()])

        given = {"user_id": integer("user_id", user_id), "k": _length(k)}
        return Question(MARKS, {**given, "kind": kind and check_kind(kind)}, read)

    def variant_of(self, user_id: int, experiment: str) -> Question[str | None]:
        """Return the variant of an experiment that a user is in; None while it does not run.

        Parameters
        ----------
        user_id
            The user.
        experiment
            Name of the experiment.

        Raises
        ------
        InvalidRequest
            There is no such experiment.
        """
        given = {"user_id": integer("user_id", user_id), "experiment": experiment}
        return Question(VARIANT, given, lambda found: found.scalar())

    def models(self) -> Question[Answers[ModelVersion]]:
        """Return all models, the newest first, with what was measured of each."""

        def read(found: CursorResult[Any]) -> Answers[ModelVersion]:
            return Answers(ModelVersion, [_model(dict(row)) for row in found.mappings()])

        return Question(MODELS, {}, read)


def _length(k: int | None) -> int | None:
    if k is not None and integer("k", k) < 1:
        raise InvalidRequest(f"k is {k}: it must be 1 or more", "k", k)
    return k


def _movies(found: CursorResult[Any], movie_ids: Sequence[int], argument: str) -> Answers[Movie]:
    movies = Answers(Movie, [Movie(**row) for row in found.mappings()])
    known = {movie.movie_id for movie in movies}
    for movie_id in movie_ids:
        if movie_id not in known:
            raise UnknownMovie(f"unknown movie: {movie_id}", argument, movie_id)
    return movies


def _model(row: dict[str, Any]) -> ModelVersion:
    figures = [
        Figure(**{**figure, "measured_at": datetime.fromisoformat(figure["measured_at"])})
        for figure in row["figures"]
    ]
    return ModelVersion(**{**row, "figures": figures})
