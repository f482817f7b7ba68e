"""The order of the lists against brute force: scores, candidates, reasons, explanations, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection

from recsys.database.copy import write_columns
from recsys.database.tables import metadata
from recsys.learning.standing import FilmFacts
from recsys.models.ratings import read_ratings
from recsys.models.vectors import write_model
from recsys.models.versions import activate_model
from recsys.parameters import Parameters
from recsys.training.data import read
from recsys.training.learn import fit_model
from recsys.training.train import train
from tests.helpers.databases import add_films, open_database
from tests.helpers.examples import examples
from tests.helpers.oracle import Catalogue, Entry, call, filter_sets, rate, read_catalogue
from tests.helpers.order_oracle import ListOrder, rate_at, retrieved, teach, teach_plain
from tests.helpers.ranker_oracle import ratings_of

STRANGER = 10**12
CLOSE = 1e-4
# Before all ratings of the sample, among them, and after them.
TIMES = ["0001-01-02Z", "1990-01-01", "2014-06-01", "2031-01-01", "9999-12-30Z"]

relaxed = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
users = st.one_of(st.integers(1, 1005), st.just(STRANGER))
additions = st.dictionaries(
    st.integers(1, 150), st.sampled_from([0.5, 1.5, 3.0, 4.0, 5.0]), max_size=30
)


@pytest.fixture(scope="module")
def taught_name(server_url: URL, sample_name: str, copies: Callable[[str], str]) -> str:
    """Name of a copy of the sample whose order weighs all inputs."""
    name = copies(sample_name)
    with open_database(server_url, name).begin() as connection:
        teach(connection)
    return name


@pytest.fixture
def taught(server_url: URL, taught_name: str) -> Iterator[Connection]:
    """A connection to it; what a test writes is rolled back."""
    with open_database(server_url, taught_name).connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def order(server_url: URL, taught_name: str, catalogue: Catalogue) -> ListOrder:
    with open_database(server_url, taught_name).connect() as connection:
        return ListOrder(connection, catalogue.model_id)


@pytest.fixture(scope="module")
def wide_name(server_url: URL, template: str, copies: Callable[[str], str]) -> str:
    """Name of a database with more films than lists are long, some of them without ratings."""
    name = copies(template)
    engine = open_database(server_url, name)
    generator = np.random.default_rng(0)
    rated = [np.sort(generator.choice(np.arange(1, 281), 60, replace=False)) for _ in range(80)]
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        add_films(connection, *((film, f"Film {film}", 1950 + film % 70) for film in range(1, 301)))
        run("insert into recsys.genres (name) values ('Comedy'), ('Drama')")
        run(
            "insert into recsys.movie_genres select movie_id, 1 + (movie_id & 1) from recsys.movies"
        )
        write_columns(
            connection,
            "recsys.ratings",
            {
                "user_id": np.repeat(np.arange(1, 81), 60),
                "movie_id": np.concatenate(rated),
                "rating": generator.integers(2, 6, 80 * 60).astype(np.float32),
                "rated_at": generator.integers(0, 8 * 10**14, 80 * 60),
            },
        )
    train(engine, Parameters(8, 4, alpha=0.3, regularization=0.01), device="cpu")
    with engine.begin() as connection:
        teach(connection)
    return name


def check_ordered(rows: list[dict[str, Any]], everything: list[Entry], k: int) -> None:
    """Compare an answer with all that may be answered, in order."""
    best = everything[:k]
    truth = {movie_id: score for movie_id, score, _ in everything}
    assert [row["rank"] for row in rows] == list(range(1, len(best) + 1))
    assert len({row["movie_id"] for row in rows}) == len(rows)
    scores = [row["score"] for row in rows]
    assert scores == pytest.approx([score for _, score, _ in best], abs=CLOSE, rel=CLOSE)
    assert scores == pytest.approx([truth[row["movie_id"]] for row in rows], abs=CLOSE, rel=CLOSE)
    assert [row["source"] == "popular" for row in rows] == [e[2] == "popular" for e in best]


def expected(
    connection: Connection,
    catalogue: Catalogue,
    order: ListOrder,
    user_id: int,
    include_rated: bool = False,
    filters: dict[str, Any] | None = None,
    pool: int = 10,
) -> list[Entry]:
    """What brute force answers to a user as they are now."""
    ratings = ratings_of(connection, user_id)
    stars = {movie_id: given for movie_id, given, _ in ratings}
    barred = () if include_rated else stars
    found = retrieved(connection, catalogue, user_id, stars, barred, filters or {})
    return order.reranked(order.standing(ratings), catalogue, found, pool)


@relaxed
@given(
    user_id=users,
    added=st.one_of(st.just({}), additions),
    when=st.sampled_from(TIMES),
    k=st.integers(1, 160),
    include_rated=st.booleans(),
    filters=filter_sets(),
)
def test_recommend_equals_brute_force(
    taught: Connection,
    catalogue: Catalogue,
    order: ListOrder,
    user_id: int,
    added: dict[int, float],
    when: str,
    k: int,
    include_rated: bool,
    filters: dict[str, Any],
) -> None:
    """Of users as they were, who have just rated, or of whom nothing is known."""
    try:
        rate_at(taught, user_id, added, when)
        rows = call(
            taught, "recommend", user_id=user_id, k=k, include_rated=include_rated, **filters
        )
        wanted = expected(taught, catalogue, order, user_id, include_rated, filters, k)
    finally:
        taught.rollback()
    check_ordered(rows, wanted, k)


@pytest.mark.parametrize(
    "change",
    [
        "update recsys.ratings set rating = 1 where user_id = 5",
        "delete from recsys.ratings where user_id = 5 and rating >= 4",
        "delete from recsys.ratings where user_id = 5",
        "update recsys.ratings set rated_at = '9999-12-30Z' where user_id = 5",
        "update recsys.ratings set rated_at = '0001-01-02Z' where user_id = 5",
        "update recsys.ratings set rated_at = '9999-12-30Z' where user_id = 5 and movie_id & 1 = 0",
        "insert into recsys.ratings (user_id, movie_id, rating) select 5, movie_id, 5"
        " from recsys.movies where movie_id > 9 on conflict do nothing",
        "delete from recsys.order_films where movie_id & 3 = 0",
        "update recsys.movies set popularity = 0, liked_count = 0 where movie_id & 1 = 0",
    ],
)
def test_whatever_is_known_of_a_user(taught: Connection, catalogue: Catalogue, change: str) -> None:
    taught.exec_driver_sql(change)
    order = ListOrder(taught, catalogue.model_id)
    for k in (10, 150):
        rows = call(taught, "recommend", user_id=5, k=k)
        check_ordered(rows, expected(taught, catalogue, order, 5, pool=k), k)


def test_each_input_has_its_say(taught: Connection, catalogue: Catalogue) -> None:
    """Otherwise the comparison with brute force would say nothing of it."""
    order = ListOrder(taught, catalogue.model_id)
    weights = np.array([order.standing(ratings_of(taught, user)).weights for user in range(1, 200)])
    assert (weights.std(0) > 0.05).all()  # of all six
    assert (weights[:, :4] == 0).any()  # what never counts against a film


def test_a_plain_order_and_that_of_retrieval(taught: Connection, catalogue: Catalogue) -> None:
    taught.exec_driver_sql("update recsys.orders set name = 'retrieval'")
    plain = call(taught, "recommend", user_id=5, k=150, rerank=False)
    assert call(taught, "recommend", user_id=5, k=150) == plain
    teach_plain(taught, "plain", [0.5, 1, 0, 0, 0, 0])
    order = ListOrder(taught, catalogue.model_id)
    rows = call(taught, "recommend", user_id=5, k=150)
    check_ordered(rows, expected(taught, catalogue, order, 5, pool=150), 150)
    assert rows != plain


@pytest.mark.parametrize("user_id", [5, STRANGER])
def test_a_popular_order_is_what_a_stranger_gets(
    taught: Connection, catalogue: Catalogue, order: ListOrder, user_id: int
) -> None:
    taught.exec_driver_sql("update recsys.orders set name = 'popular'")
    rated = catalogue.ratings.get(user_id, {})
    everything = retrieved(taught, catalogue, user_id, rated, rated, {"genres": ["Drama"]})
    rows = call(taught, "recommend", user_id=user_id, k=30, genres=["Drama"])
    check_ordered(rows, order.popular(everything), 30)
    assert [row["movie_id"] for row in rows] == [m for m, _, _ in order.popular(everything)[:30]]
    assert {row["because_movie_id"] for row in rows} == {None}
    personal = call(taught, "recommend", user_id=user_id, k=30, rerank=False)
    assert ({row["source"] for row in personal} == {"popular"}) == (user_id == STRANGER)


def test_the_default_is_to_rerank(taught: Connection) -> None:
    plain, default, ranked = (
        call(taught, "recommend", user_id=1, **asked)
        for asked in ({"rerank": False}, {}, {"rerank": True})
    )
    assert default == ranked != plain


@pytest.mark.parametrize("diversity", [0.3, 1])
def test_diversity_chooses_from_the_reranked(
    taught: Connection, catalogue: Catalogue, order: ListOrder, diversity: float
) -> None:
    """Every choice is the best of the candidates by the sum of both scores."""
    for user_id in range(1, 11):
        rows = call(taught, "recommend", user_id=user_id, k=15, diversity=diversity)
        # Diversity wants 100 to choose from.
        wanted = expected(taught, catalogue, order, user_id, pool=100)
        pool = {m: score for m, score, source in wanted if source != "popular"}
        units = {m: catalogue.unit[catalogue.row[m]] for m in pool}
        lowest = min(0, *pool.values())
        largest = max(pool.values()) - lowest
        left, chosen = set(pool), list[int]()
        for row in rows:
            worth = {
                m: (1 - diversity) * (pool[m] - lowest) / largest
                - diversity * max((float(units[m] @ units[c]) for c in chosen), default=0)
                for m in left
            }
            assert worth[row["movie_id"]] >= max(worth.values()) - CLOSE
            assert row["score"] == pytest.approx(pool[row["movie_id"]], abs=CLOSE, rel=CLOSE)
            chosen.append(row["movie_id"])
            left.remove(row["movie_id"])
        assert len(chosen) == 15


@relaxed
@given(
    user_id=st.integers(1, 1005),
    added=st.one_of(st.just({}), additions),
    rerank=st.booleans(),
    asked=st.sampled_from([{"k": 40}, {"k": 100}, {"k": 15, "diversity": 0.5}]),
)
def test_the_reason_is_the_liked_film_that_adds_most(
    taught: Connection,
    catalogue: Catalogue,
    order: ListOrder,
    user_id: int,
    added: dict[int, float],
    rerank: bool,
    asked: dict[str, float],
) -> None:
    """Null where no liked film adds anything."""
    try:
        rate_at(taught, user_id, added, "2014-06-01")
        rows = call(taught, "recommend", user_id=user_id, rerank=rerank, **asked)
        who = order.standing(ratings_of(taught, user_id))
    finally:
        taught.rollback()
    for row in rows:
        found = order.additions(who, row["movie_id"], even=not rerank)
        of_liked = {m: added for m, added in found.items() if m in who.liked}
        most = max(of_liked.values(), default=0)
        if row["source"] == "popular" or most <= -1e-6:
            assert row["because_movie_id"] is None
        elif row["because_movie_id"] is None:
            assert most <= 1e-6
        else:
            assert of_liked[row["because_movie_id"]] == pytest.approx(most, abs=1e-6, rel=1e-5)
        assert (row["because_title"] is None) == (row["because_movie_id"] is None)


def test_films_of_which_nothing_was_learned_give_no_reasons(taught: Connection) -> None:
    taught.exec_driver_sql("delete from recsys.order_films")
    rows = call(taught, "recommend", user_id=5, k=150)
    assert {row["because_movie_id"] for row in rows} == {None}
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))


@relaxed
@given(
    user_id=st.integers(1, 1005),
    added=st.one_of(st.just({}), additions),
    when=st.sampled_from(TIMES),
    place=st.integers(0, 10_000),
)
@example(user_id=16, added={}, when=TIMES[0], place=59)  # the last that is put in order
def test_an_explanation_is_exact_and_adds_up_to_the_score(
    taught: Connection,
    catalogue: Catalogue,
    order: ListOrder,
    user_id: int,
    added: dict[int, float],
    when: str,
    place: int,
) -> None:
    try:
        rate_at(taught, user_id, added, when)
        rows = call(taught, "recommend", user_id=user_id, k=80)
        # Films beyond those that are put in order, or known by what they are, have other scores.
        learned = [row for row in rows[:60] if row["source"] not in ("content", "popular")]
        if not learned:
            return
        row = learned[place % len(learned)]
        movie_id = row["movie_id"]
        parts = call(taught, "explain", user_id=user_id, movie_id=movie_id, k=10_000)
        ratings = ratings_of(taught, user_id)
    finally:
        taught.rollback()
    assert [part["rank"] for part in parts] == list(range(1, len(parts) + 1))
    found = [part["contribution"] for part in parts]
    assert found == sorted(found, reverse=True)
    assert sum(found) == pytest.approx(row["score"], abs=CLOSE, rel=CLOSE)
    who = order.standing(ratings)
    stars = {m: given for m, given, _ in ratings}
    liked = [m for m in sorted(stars) if stars[m] >= 4 and m in catalogue.row]
    retrieval = dict(zip(liked, catalogue.contributions(liked, [movie_id])[0], strict=True))
    additive = order.additions(who, movie_id)
    of_films = {p["because_movie_id"]: p for p in parts if p["because_movie_id"] is not None}
    assert set(of_films) == retrieval.keys() | additive.keys()
    for rated, part in of_films.items():
        exact = who.weights[0] * retrieval.get(rated, 0) + additive.get(rated, 0)
        assert part["contribution"] == pytest.approx(exact, abs=CLOSE, rel=CLOSE)
        assert part["rating"] == stars[rated]
    named = {p["because_title"]: p["contribution"] for p in parts if p["because_movie_id"] is None}
    inputs = order.inputs(who, movie_id, 0)
    prior = named.pop("What everybody likes", None)
    assert named == pytest.approx(
        {
            "What is popular now": float(who.weights[3:5] @ inputs[3:5]),
            "How long it has been rated": float(who.weights[5] * inputs[5]),
        },
        abs=CLOSE,
        rel=CLOSE,
    )
    if prior is not None:
        share = who.weights[0] * catalogue.scores(catalogue.prior)[movie_id]
        assert prior == pytest.approx(share, abs=CLOSE)


def test_a_popular_order_is_explained_by_popularity(
    taught: Connection, catalogue: Catalogue
) -> None:
    taught.exec_driver_sql("update recsys.orders set name = 'popular'")
    [part] = call(taught, "explain", user_id=5, movie_id=7, k=100)
    assert (part["because_title"], part["because_movie_id"]) == ("What is popular now", None)
    assert part["contribution"] == catalogue.films[7].popularity


@pytest.mark.parametrize("filters", [{}, {"genres": ["Drama"]}, {"year_from": 1960}])
def test_longer_lists_begin_as_shorter_ones_do(
    server_url: URL, wide_name: str, filters: dict[str, Any]
) -> None:
    with open_database(server_url, wide_name).connect() as connection:
        rate(connection, 1, {5: 5, 77: 1})
        rate(connection, STRANGER, {5: 5, 77: 4})
        for user_id in (1, 2, STRANGER, -7):
            longest = call(connection, "recommend", user_id=user_id, k=200, **filters)
            ids = [row["movie_id"] for row in longest]
            assert len(ids) > 100
            for k in range(10, 200, 10):
                page = call(connection, "recommend", user_id=user_id, k=k, **filters)
                assert [row["movie_id"] for row in page] == ids[:k]
        connection.rollback()


def test_lists_of_a_wide_catalogue_equal_brute_force(server_url: URL, wide_name: str) -> None:
    with open_database(server_url, wide_name).connect() as connection:
        catalogue = read_catalogue(connection)
        order = ListOrder(connection, catalogue.model_id)
        for user_id in range(1, 9):
            for k in (10, 200, 400):
                rows = call(connection, "recommend", user_id=user_id, k=k)
                check_ordered(rows, expected(connection, catalogue, order, user_id, pool=k), k)


def test_the_database_counts_what_the_order_learned_from(sample: Connection) -> None:
    """Popularity, likes and age of films, right after the training."""
    half_life = sample.exec_driver_sql(
        "select date_part('epoch', half_life) from recsys.models"
    ).scalar_one()
    ratings = read_ratings(sample)
    facts = FilmFacts.of(ratings, half_life)
    stored = {
        row[0]: row[1:]
        for row in sample.exec_driver_sql(
            "select m.movie_id, m.popularity, m.liked_count, f.age"
            " from recsys.movies m join recsys.order_films f using (movie_id)"
        )
    }
    for index in np.unique(ratings.movie_index):
        age = facts.age[index] if facts.likes[index] else np.nan  # nothing is learned of it
        wanted = facts.decayed[index], facts.likes[index], age
        found = stored[int(ratings.movie_ids[index])]
        assert found == pytest.approx(wanted, rel=1e-5, nan_ok=True)


def test_another_model_brings_its_own_order(taught: Connection, catalogue: Catalogue) -> None:
    parameters = Parameters(factors=6, epochs=2, alpha=0.7, regularization=0.05)
    model_id = write_model(taught, fit_model(read(taught, 4.0), parameters))
    for table, changed in (
        ("orders", {"candidates": "candidates - 30"}),
        ("order_units", {"bias": "bias + 0.5"}),
        ("order_films", {}),
    ):
        columns = [column.name for column in metadata.tables[f"recsys.{table}"].columns]
        values = {name: name for name in columns} | {"model_id": str(model_id)} | changed
        taught.exec_driver_sql(
            f"insert into recsys.{table} ({', '.join(columns)})"
            f" select {', '.join(values[name] for name in columns)} from recsys.{table}"
        )
    first = call(taught, "recommend", user_id=5, k=100)
    activate_model(taught, model_id)
    other = read_catalogue(taught)
    order = ListOrder(taught, model_id)
    rows = call(taught, "recommend", user_id=5, k=100)
    check_ordered(rows, expected(taught, other, order, 5, pool=100), 100)
    assert call(taught, "recommend", user_id=5, k=100, model_id=catalogue.model_id) == first
    assert first != rows
