"""What applications write: ratings, other feedback, films that are on offer no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from sqlalchemy import CursorResult

from recsys.errors import InvalidRequest
from recsys.serving.arguments import integer
from recsys.serving.statements import Question, nothing, write

Kind = Literal["seen", "liked", "watchlist", "hidden", "not_now", "clicked", "played"]

RATE = """
    with known as materialized (
        select recsys_internal.check_movies(array[cast(:movie_id as bigint)]),
            recsys_internal.check_time('rated_at', cast(:rated_at as timestamptz)))
    insert into recsys.ratings (user_id, movie_id, rating, rated_at)
    select cast(:user_id as bigint), cast(:movie_id as bigint), cast(:rating as real),
        coalesce(cast(:rated_at as timestamptz), now())
    from known
    on conflict (user_id, movie_id)
    do update set rating = excluded.rating, rated_at = excluded.rated_at
"""
UNRATE = """
    delete from recsys.ratings
    where user_id = cast(:user_id as bigint) and movie_id = cast(:movie_id as bigint)
"""
MARK = """
    with known as materialized (
        select recsys_internal.check_movies(array[cast(:movie_id as bigint)]))
    insert into recsys.feedback (user_id, movie_id, kind)
    select cast(:user_id as bigint), cast(:movie_id as bigint), cast(:kind as text)
    from known
    on conflict (user_id, movie_id, kind) do update set at = excluded.at
"""
UNMARK = """
    delete from recsys.feedback
    where user_id = cast(:user_id as bigint) and movie_id = cast(:movie_id as bigint)
        and kind = cast(:kind as text)
"""


class Writes:
    """Each does the same when it is done twice, so that it can be tried again."""

    def rate(
        self, user_id: int, movie_id: int, rating: float, rated_at: datetime | None = None
    ) -> Question[None]:
        """Write a rating, or replace it; the next answer counts it.

        Parameters
        ----------
        user_id
            The user, known or new.
        movie_id
            The film.
        rating
            Stars, 0.5 to 5.
        rated_at
            None for now; without a time zone, in the session's (`TimeZone` of the server).

        Raises
        ------
        InvalidRequest
            The film is unknown, the rating is not in 0.5 to 5, or the time is on the first or
            the last day that Python has.
        """
        if not 0.5 <= rating <= 5:  # the table's constraint would not name the value
            raise InvalidRequest(f"rating is {rating:g}: choose 0.5 to 5", "rating", rating)
        given = {**_pair(user_id, movie_id), "rating": rating, "rated_at": rated_at}
        return Question(RATE, given, nothing, writes=True)

    def unrate(self, user_id: int, movie_id: int) -> Question[bool]:
        """Delete a rating, and return whether there was one; the next answer counts it no more.

        Parameters
        ----------
        user_id, movie_id
            Whose rating, of which film."""
        return Question(UNRATE, _pair(user_id, movie_id), _any, writes=True)

    def mark(self, user_id: int, movie_id: int, kind: Kind) -> Question[None]:
        """Write feedback other than a rating; of the same kind again, it dates from now.

        Parameters
        ----------
        user_id
            The user, known or new.
        movie_id
            The film.
        kind
            ``seen``, ``played`` or ``liked``, without stars: the film leaves the user's lists;
            ``hidden``: for good; ``not_now``: for 30 days; ``watchlist`` and ``clicked``: it stays.

        Raises
        ------
        InvalidRequest
            The film or the kind is unknown.
        """
        return Question(MARK, _feedback(user_id, movie_id, kind), nothing, writes=True)

    def unmark(self, user_id: int, movie_id: int, kind: Kind) -> Question[bool]:
        """Delete feedback, and return whether there was any.

        Parameters
        ----------
        user_id, movie_id, kind
            As in `mark`.

        Raises
        ------
        InvalidRequest
            The kind is unknown.
        """
        return Question(UNMARK, _feedback(user_id, movie_id, kind), _any, writes=True)

    def log_shown(
        self,
        user_id: int,
        movie_ids: Sequence[int],
        *,
        model_id: int | None = None,
        experiment: str | None = None,
        variants: Sequence[str | None] | None = None,
        propensities: Sequence[float] | None = None,
        shown_at: datetime | None = None,
    ) -> Question[None]:
        """Write that a user was shown a list of films.

        Parameters
        ----------
        user_id
            The user, known or new.
        movie_ids
            The films, in the order of the list.
        model_id
            The model that chose them.
        experiment
            Name of the experiment, if the list is of one.
        variants
            Each film's variant, for interleaved lists; None for the one that the user is in.
        propensities
            How likely each film was to get its place, above 0, up to 1.
        shown_at
            None for now; without a time zone, in the session's (`TimeZone` of the server). A time
            to come counts as now.

        Raises
        ------
        InvalidRequest
            A film or the experiment is unknown, a list is not as long as that of the films, or the
            time is on the first or the last day that Python has.
        """
        return write(
            "log_shown",
            user_id=user_id,
            movie_ids=movie_ids,
            model_id=model_id,
            experiment=experiment,
            variants=variants,
            propensities=propensities,
            # The same when it is sent again, so that nothing is written twice.
            shown_at=shown_at or datetime.now(UTC),
        )

    def withdraw_movie(self, movie_id: int, withdrawn_at: datetime | None = None) -> Question[None]:
        """Take a film out of all answers; its ratings stay, and count for those who gave them.

        Parameters
        ----------
        movie_id
            The film.
        withdrawn_at
            None for now; without a time zone, in the session's (`TimeZone` of the server).

        Raises
        ------
        InvalidRequest
            The film is unknown, or the time is on the first or the last day that Python has.
        """
        return write("withdraw_movie", movie_id=movie_id, withdrawn_at=withdrawn_at)

    def restore_movie(self, movie_id: int) -> Question[None]:
        """Bring a withdrawn film back into the answers.

        Parameters
        ----------
        movie_id
            The film.

        Raises
        ------
        InvalidRequest
            The film is unknown.
        """
        return write("restore_movie", movie_id=movie_id)


def _any(found: CursorResult[Any]) -> bool:
    return found.rowcount > 0


def _pair(user_id: int, movie_id: int) -> dict[str, Any]:
    return {"user_id": integer("user_id", user_id), "movie_id": integer("movie_id", movie_id)}


def _feedback(user_id: int, movie_id: int, kind: str) -> dict[str, Any]:
    return {**_pair(user_id, movie_id), "kind": check_kind(kind)}


def check_kind(kind: str) -> Kind:
    """Return a kind of feedback; the table's constraint would not name one that is unknown.

    Raises
    ------
    InvalidRequest
        There is no such kind.
    """
    if kind not in get_args(Kind):
        choices = ", ".join(get_args(Kind))
        raise InvalidRequest(f"kind is {kind!r}: it may be {choices}", "kind", kind)
    return cast(Kind, kind)
