"""The SQL functions as Python methods: same names, same arguments, typed rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.util import greenlet_spawn

from recsys.database.schema import require_current
from recsys.errors import RecsysError
from recsys.serving.pools import Pools, find_url, open_pools
from recsys.serving.questions import Questions
from recsys.serving.signatures import like
from recsys.serving.statements import Question

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

POOL_SIZE = 10
TIMEOUT_S = 10.0
QUESTIONS = Questions()
CLOSED = "the {0} is closed: make another one"

P = ParamSpec("P")
Result = TypeVar("Result")


def _blocking(
    question: Callable[Concatenate[Questions, P], Question[Result]],
) -> Callable[Concatenate[Recommender, P], Result]:
    """Make a method that asks, of one that says what to ask."""

    def method(self: Recommender, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return self._ask(question(QUESTIONS, *args, **kwargs))

    return like(question, method, __name__, "Recommender")


def _awaiting(
    question: Callable[Concatenate[Questions, P], Question[Result]],
) -> Callable[Concatenate[AsyncRecommender, P], Coroutine[Any, Any, Result]]:
    """Make a method that asks in asyncio, of one that says what to ask."""

    async def method(self: AsyncRecommender, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return await self._ask(question(QUESTIONS, *args, **kwargs))

    return like(question, method, __name__, "AsyncRecommender")


class Recommender:
    """Answers from the database, through a pool of connections.

    Parameters
    ----------
    url
        ``postgresql://...``; None for ``DATABASE_URL``, or else the embedded server. With
        several hosts, questions go to a standby and writes to the primary.
    pool_size
        Most connections at once; with several hosts, as many again to the primary.
    timeout
        Seconds that one whole call may take, including the wait for a connection.

    Raises
    ------
    DatabaseUnreachable, DatabaseOutOfDate
        There is no server, or its schema is not the one of this version.

    Examples
    --------
    >>> with Recommender() as recommender:  # doctest: +SKIP
    ...     for film in recommender.recommend(42, k=3, genres=["Comedy"]):
    ...         print(film.rank, film.title)
    """

    _closed = False

    def __init__(
        self, url: str | None = None, *, pool_size: int = POOL_SIZE, timeout: float = TIMEOUT_S
    ) -> None:
        self._pools = open_pools(find_url(url), pool_size, timeout)
        try:
            self._pools.run(require_current)
        except BaseException:
            self.close()
            raise

    @classmethod
    def on(cls, engine: Engine) -> Self:
        """Return a recommender on an open engine.

        Parameters
        ----------
        engine
            SQLAlchemy's, with time limits of its own; it reads and writes.
        """
        recommender = cls.__new__(cls)
        own = engine.execution_options(isolation_level="AUTOCOMMIT")
        recommender._pools = Pools(own, own)
        return recommender

    def __enter__(self) -> Self:
        self._usable()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; what is asked then is refused."""
        self._closed = True
        self._pools.close()

    def connection(self, writes: bool = False) -> AbstractContextManager[Connection]:
        """Lend a connection of the pool for SQL of your own; each statement is committed at once.

        Parameters
        ----------
        writes
            To the primary, where the URL names several hosts.

        Raises
        ------
        DatabaseUnreachable
            There is no server; or, as `DatabaseTimeout`, all inside took longer than `timeout`.

        Examples
        --------
        >>> with Recommender() as recommender:  # doctest: +SKIP
        ...     with recommender.connection() as connection:
        ...         pandas.read_sql("select * from recsys_bi.loads", connection)
        """
        return self._usable().connect(writes)

    def _usable(self) -> Pools:
        if self._closed:
            raise RecsysError(CLOSED.format("Recommender"))
        return self._pools

    def _ask(self, question: Question[Result]) -> Result:
        return question.answer(self._usable())

    def _repr_html_(self) -> str:
        # Nothing is asked: that might wait, or fail.
        from recsys.serving.html import facts

        known = {"Recommender": "closed" if self._closed else "open", **self._pools.address()}
        return facts(known)

    recommend = _blocking(Questions.recommend)
    recommend_many = _blocking(Questions.recommend_many)
    watchlist = _blocking(Questions.watchlist)
    interleave = _blocking(Questions.interleave)
    recommend_for = _blocking(Questions.recommend_for)
    similar_movies = _blocking(Questions.similar_movies)
    more_like = _blocking(Questions.more_like)
    popular = _blocking(Questions.popular)
    recommend_group = _blocking(Questions.recommend_group)
    score_movies = _blocking(Questions.score_movies)
    explain = _blocking(Questions.explain)
    users_for = _blocking(Questions.users_for)
    similar_users = _blocking(Questions.similar_users)
    user_vector = _blocking(Questions.user_vector)
    search_titles = _blocking(Questions.search_titles)
    search_plots = _blocking(Questions.search_plots)
    predict_genres = _blocking(Questions.predict_genres)
    predict_movie_genres = _blocking(Questions.predict_movie_genres)
    movie = _blocking(Questions.movie)
    movies = _blocking(Questions.movies)
    ratings = _blocking(Questions.ratings)
    marks = _blocking(Questions.marks)
    models = _blocking(Questions.models)
    variant_of = _blocking(Questions.variant_of)
    rate = _blocking(Questions.rate)
    unrate = _blocking(Questions.unrate)
    mark = _blocking(Questions.mark)
    unmark = _blocking(Questions.unmark)
    log_shown = _blocking(Questions.log_shown)
    withdraw_movie = _blocking(Questions.withdraw_movie)
    restore_movie = _blocking(Questions.restore_movie)


class AsyncRecommender:
    """The same methods for asyncio, to be awaited.

    It connects when it is entered, or at the first question, and only then raises what
    `Recommender` raises at once.

    Parameters
    ----------
    url, pool_size, timeout
        See `Recommender`.

    Examples
    --------
    >>> async with AsyncRecommender() as recommender:  # doctest: +SKIP
    ...     films = await recommender.recommend(42, k=3)
    """

    _closed = False

    def __init__(
        self, url: str | None = None, *, pool_size: int = POOL_SIZE, timeout: float = TIMEOUT_S
    ) -> None:
        self._url, self._pool_size, self._timeout = url, pool_size, timeout
        self._pools: Pools | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._usable()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; what is asked then is refused."""
        self._closed = True
        if self._pools is not None:
            await greenlet_spawn(self._pools.close)

    @asynccontextmanager
    async def connection(self, writes: bool = False) -> AsyncIterator[AsyncConnection]:
        """Lend a connection of the pool for SQL of your own; each statement is committed at once.

        Parameters
        ----------
        writes
            To the primary, where the URL names several hosts.

        Raises
        ------
        DatabaseUnreachable
            There is no server; or, as `DatabaseTimeout`, all inside took longer than `timeout`.
        """
        from sqlalchemy.ext.asyncio import AsyncEngine

        pools = await self._usable()
        engine = pools.engine(writes)
        with pools.limited(engine):
            async with AsyncEngine(engine).connect() as connection:
                yield connection

    async def _usable(self) -> Pools:
        if self._closed:
            raise RecsysError(CLOSED.format("AsyncRecommender"))
        pools = self._pools or await self._open()
        if self._loop is not asyncio.get_running_loop():
            raise RecsysError(
                "an AsyncRecommender belongs to the event loop that it was opened in: make one in "
                "each loop"
            )
        return pools

    async def _ask(self, question: Question[Result]) -> Result:
        pools = await self._usable()
        # SQLAlchemy's way to use the same code in both: each wait inside lets the loop go on.
        return await greenlet_spawn(question.answer, pools)

    async def _open(self) -> Pools:
        async with self._opening:
            if self._pools is None:
                # In a thread: starting the embedded server takes seconds.
                url = await asyncio.to_thread(find_url, self._url)
                pools = open_pools(url, self._pool_size, self._timeout, asynchronous=True)
                try:
                    await greenlet_spawn(pools.run, require_current)
                except BaseException:
                    await greenlet_spawn(pools.close)
                    raise
                self._pools, self._loop = pools, asyncio.get_running_loop()
        return self._pools

    recommend = _awaiting(Questions.recommend)
    recommend_many = _awaiting(Questions.recommend_many)
    watchlist = _awaiting(Questions.watchlist)
    interleave = _awaiting(Questions.interleave)
    recommend_for = _awaiting(Questions.recommend_for)
    similar_movies = _awaiting(Questions.similar_movies)
    more_like = _awaiting(Questions.more_like)
    popular = _awaiting(Questions.popular)
    recommend_group = _awaiting(Questions.recommend_group)
    score_movies = _awaiting(Questions.score_movies)
    explain = _awaiting(Questions.explain)
    users_for = _awaiting(Questions.users_for)
    similar_users = _awaiting(Questions.similar_users)
    user_vector = _awaiting(Questions.user_vector)
    search_titles = _awaiting(Questions.search_titles)
    search_plots = _awaiting(Questions.search_plots)
    predict_genres = _awaiting(Questions.predict_genres)
    predict_movie_genres = _awaiting(Questions.predict_movie_genres)
    movie = _awaiting(Questions.movie)
    movies = _awaiting(Questions.movies)
    ratings = _awaiting(Questions.ratings)
    marks = _awaiting(Questions.marks)
    models = _awaiting(Questions.models)
    variant_of = _awaiting(Questions.variant_of)
    rate = _awaiting(Questions.rate)
    unrate = _awaiting(Questions.unrate)
    mark = _awaiting(Questions.mark)
    unmark = _awaiting(Questions.unmark)
    log_shown = _awaiting(Questions.log_shown)
    withdraw_movie = _awaiting(Questions.withdraw_movie)
    restore_movie = _awaiting(Questions.restore_movie)
