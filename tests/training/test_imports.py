"""Vectors trained elsewhere: every format, every refusal, and what is served of them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from recsys.errors import SourceError
from recsys.learning.imports import FOLD_IN, Score
from recsys.learning.vectors import PRIOR
from recsys.models.describe import describe_model
from recsys.models.lists import recommend_all
from recsys.models.versions import active_model
from recsys.parameters import POSITIVE_STARS
from recsys.settings import Settings
from recsys.training.imports import ImportReport, import_vectors, read_both
from recsys.training.vector_files import read_vectors
from tests.helpers.commands import fails, recsys
from tests.helpers.examples import examples
from tests.helpers.lists import KEPT, assert_same
from tests.helpers.oracle import Array, Catalogue, brute_force, call, check_list, rate

DIMENSION = 6
KNOWN = [3, 7, 10**9]  # users with a vector of their own; the last one has rated nothing
STRANGER = 10**12
SCORES: list[Score] = ["dot", "cosine"]


def vectors_of(catalogue: Catalogue, dimension: int = DIMENSION) -> tuple[Array, Array, Array]:
    """Ids and vectors of all films but two, and vectors of the known users."""
    generator = np.random.default_rng(0)
    movie_ids = np.array(sorted(catalogue.films))[:-2]
    movies = generator.normal(size=(len(movie_ids), dimension)) + 0.4
    movies *= np.exp(generator.normal(size=(len(movie_ids), 1)) / 2)
    users = generator.normal(size=(len(KNOWN), dimension)) * 40
    return movie_ids, movies, users


def write_npz(path: Path, key: str, ids: Any, vectors: Array) -> Path:
    side = "users" if key.startswith("user") else "movies"
    np.savez(path.with_suffix(".npz"), **{f"{key}s": ids, side: vectors})
    return path.with_suffix(".npz")


def _frame(key: str, ids: Any, vectors: Array) -> pd.DataFrame:
    return pd.DataFrame(vectors, columns=[f"f{n}" for n in range(vectors.shape[1])]).assign(
        **{key: ids}
    )


def write_csv(path: Path, key: str, ids: Any, vectors: Array) -> Path:
    _frame(key, ids, vectors).to_csv(path.with_suffix(".csv"), index=False)
    return path.with_suffix(".csv")


def write_csv_lists(path: Path, key: str, ids: Any, vectors: Array) -> Path:
    lists = [json.dumps(row) for row in vectors.tolist()]
    pd.DataFrame({"embedding": lists, key: ids}).to_csv(path.with_suffix(".csv"), index=False)
    return path.with_suffix(".csv")


def write_parquet(path: Path, key: str, ids: Any, vectors: Array) -> Path:
    _frame(key, ids, vectors).to_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def write_parquet_lists(path: Path, key: str, ids: Any, vectors: Array) -> Path:
    frame = pd.DataFrame({key: ids, "vector": list(vectors)})
    frame.to_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


Writer = Callable[[Path, str, Any, Array], Path]
WRITERS: list[Writer] = [write_npz, write_csv, write_csv_lists, write_parquet, write_parquet_lists]


def unit(vectors: Array) -> Array:
    made: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made


def folded_in(
    catalogue: Catalogue, movie_ids: Array, movies: Array, liked: list[int], score: Score
) -> Array:
    """The exact vector of a user who likes these films, and what ranks with it, from the files."""
    alpha, regularization = FOLD_IN[score]
    n, dimension = movies.shape
    ridge = regularization * np.mean(np.sum(movies**2, axis=1))
    everywhere = alpha * (movies.T @ movies + ridge * n * np.eye(dimension))

    def solve(weights: Array) -> Array:
        whole = everywhere + (movies.T * weights) @ movies
        right: Array = weights @ movies
        return np.asarray(np.linalg.solve(whole + ridge * weights.sum() * np.eye(dimension), right))

    vector = solve(np.isin(movie_ids, liked).astype(float))
    if len(liked) >= 3:
        return vector
    tastes = [set(catalogue.liked(user)) for user in catalogue.ratings]
    tastes = [taste for taste in tastes if taste]
    shares = [np.mean([movie in taste for taste in tastes]) for movie in movie_ids.tolist()]
    return vector + PRIOR * solve(np.array(shares))


def check_served(
    connection: Connection,
    catalogue: Catalogue,
    user_id: int,
    scores: dict[int, float],
    source: str,
    scale: float = 1.0,
) -> list[dict[str, Any]]:
    """Compare 30 films, and the score of each, with brute force."""
    rated = [
        row[0]
        for row in connection.exec_driver_sql(
            "select movie_id from recsys.ratings where user_id = %s", (user_id,)
        )
    ]
    rows = call(connection, "recommend", user_id=user_id, k=30)
    smaller = [
        {**row, "score": row["score"] / (1 if row["source"] == "popular" else scale)}
        for row in rows
    ]
    truth = {movie_id: score / scale for movie_id, score in scores.items()}
    everything = [
        (
            movie_id,
            score,
            "popular" if kind == "popular" else "personal",
        )  # none has a map of content
        for movie_id, score, kind in brute_force(catalogue, truth, rated, {})
    ]
    check_list(smaller, everything, 30, source=source)
    scored = call(connection, "score_movies", user_id=user_id, movie_ids=list(scores))
    assert {row["movie_id"]: row["score"] for row in scored} == pytest.approx(
        scores, rel=1e-4, abs=1e-5 * scale
    )
    return rows


def import_both(
    engine: Engine,
    folder: Path,
    catalogue: Catalogue,
    writer: Writer = write_npz,
    score: Score = "dot",
    with_users: bool = True,
    **options: Any,
) -> ImportReport:
    movie_ids, movies, users = vectors_of(catalogue)
    films = writer(folder / "films", "movie_id", movie_ids, movies)
    people = writer(folder / "people", "user_id", KNOWN, users) if with_users else None
    return import_vectors(engine, films, people, score, **({"activate": True} | options))


@pytest.mark.parametrize("score", SCORES)
def test_users_with_a_vector_get_its_order(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path, score: Score
) -> None:
    """In every format the same."""
    movie_ids, movies, users = vectors_of(catalogue)
    served = (unit(movies), unit(users)) if score == "cosine" else (movies, users)
    for writer in WRITERS:
        report = import_both(sample_engine, tmp_path, catalogue, writer, score)
        assert (report.movies, report.users, report.factors) == (*map(len, served), DIMENSION)
        with sample_engine.connect() as connection:
            for user_id, vector in zip(KNOWN, served[1], strict=True):
                truth = (served[0] @ vector).tolist()
                scores = dict(zip(movie_ids.tolist(), truth, strict=True))
                scale = float(np.linalg.norm(vector))
                rows = check_served(connection, catalogue, user_id, scores, "personal", scale)
                assert {row["because_movie_id"] for row in rows} == {None}
                best = rows[0]["movie_id"]
                assert call(connection, "explain", user_id=user_id, movie_id=best) == []


def test_a_users_vector_stays_whatever_they_rate(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path
) -> None:
    import_both(sample_engine, tmp_path, catalogue)
    with sample_engine.connect() as connection:
        for user_id in KNOWN:
            before = call(connection, "recommend", user_id=user_id, k=5)
            rate(connection, user_id, {before[0]["movie_id"]: 5})
            after = call(connection, "recommend", user_id=user_id, k=4)
            assert [row["movie_id"] for row in after] == [row["movie_id"] for row in before[1:]]
            assert {row["source"] for row in after} == {"personal"}


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("with_users", [True, False])
def test_everybody_else_is_folded_in(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path, score: Score, with_users: bool
) -> None:
    movie_ids, movies, _ = vectors_of(catalogue)
    import_both(sample_engine, tmp_path, catalogue, score=score, with_users=with_users)
    movies = unit(movies) if score == "cosine" else movies
    with sample_engine.connect() as connection:
        for n, user_id in ((None, 1), (None, 2), (1, STRANGER), (2, STRANGER), (3, STRANGER)):
            # Before rating: the average user is the one that the import saw.
            if n is not None:
                rate(connection, user_id, dict.fromkeys(movie_ids[5 : 5 + n].tolist(), 4.5))
            liked = catalogue.liked(user_id) if n is None else movie_ids[5 : 5 + n].tolist()
            vector = folded_in(catalogue, movie_ids, movies, liked, score)
            scores = dict(zip(movie_ids.tolist(), (movies @ vector).tolist(), strict=True))
            rows = check_served(connection, catalogue, user_id, scores, "live")
            assert {r["because_movie_id"] for r in rows} == {None}  # no vectors that add up
            best = rows[0]
            parts = call(
                connection, "explain", user_id=user_id, movie_id=best["movie_id"], k=10_000
            )
            total = sum(part["contribution"] for part in parts)
            assert total == pytest.approx(best["score"], rel=1e-3)


def test_without_likes_films_are_popular(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path
) -> None:
    import_both(sample_engine, tmp_path, catalogue, with_users=False)
    with sample_engine.connect() as connection:
        rows = call(connection, "recommend", user_id=STRANGER)
        assert {row["source"] for row in rows} == {"popular"}


@limits(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.floats(-12, 12).map(lambda power: 10**power), st.floats(-11, 11), st.sampled_from(SCORES))
def test_lists_are_free_of_scale(
    sample_engine: Engine,
    catalogue: Catalogue,
    tmp_path: Path,
    films_scale: float,
    users_power: float,
    score: Score,
) -> None:
    """Both sides times any number: the same films, and the same scores of those folded in."""
    movie_ids, movies, users = vectors_of(catalogue)
    lists = []
    for a, b in ((1.0, 1.0), (films_scale, 10**users_power / films_scale)):
        films = write_npz(tmp_path / "films", "movie_id", movie_ids, movies * a)
        people = write_npz(tmp_path / "people", "user_id", KNOWN, users * b)
        report = import_vectors(sample_engine, films, people, score)
        with sample_engine.connect() as connection:
            rate(connection, STRANGER, {int(movie_ids[0]): 5})
            lists.append(
                {
                    user_id: call(
                        connection, "recommend", user_id=user_id, model_id=report.model_id, k=20
                    )
                    for user_id in (*KNOWN, 1, STRANGER)
                }
            )
    for user_id, rows in lists[0].items():
        again = lists[1][user_id]
        assert [row["movie_id"] for row in again] == [row["movie_id"] for row in rows]
        if rows[0]["source"] == "live":
            assert [row["score"] for row in again] == pytest.approx(
                [row["score"] for row in rows], rel=1e-3
            )


def test_films_are_found_by_any_id(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title, imdb_id, tmdb_id) values "
            "(1, 'A', 'tt0114709', 862), (2, 'B', 'tt11447090', 949), (3, 'C', null, null)"
        )
    forms: list[tuple[str, list[Any]]] = [
        ("imdb_id", ["tt0114709", "tt11447090", "tt0000009"]),
        ("imdbId", ["0114709", "11447090", "0000009"]),
        ("imdb_id", [114709, 11447090, 9]),
        ("tmdb_id", [862, 949, 5]),
        ("tmdbId", [862.0, 949.0, 5.0]),
        ("movieId", [1, 2, 9]),
    ]
    for writer in (write_npz, write_csv, write_parquet):
        for key, ids in forms:
            films = writer(tmp_path / "films", key, ids, np.eye(3))
            report = import_vectors(engine, films, activate=True)
            assert report.movies == 2
            assert report.counts["movies_unknown"] == 1
            assert report.example == ("tt0000009" if "imdb" in key else f"{ids[2]:.0f}")
            with engine.connect() as connection:
                rate(connection, 1, {1: 5})
                [row] = call(connection, "score_movies", user_id=1, movie_ids=[1])
                assert (row["source"], row["score"] > 0) == ("live", True)


def test_zero_vectors_are_left_out_and_counted(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path
) -> None:
    movie_ids, movies, users = vectors_of(catalogue)
    movies[:2], users[1] = 0, 0
    films = write_npz(tmp_path / "films", "movie_id", movie_ids, movies)
    people = write_npz(tmp_path / "people", "user_id", KNOWN, users)
    for score in SCORES:
        report = import_vectors(sample_engine, films, people, score, activate=True)
        assert (report.movies, report.users) == (len(movies) - 2, len(KNOWN) - 1)
        assert (report.counts["movies_zero"], report.counts["users_zero"]) == (2, 1)
    with sample_engine.connect() as connection:
        assert call(connection, "recommend", user_id=KNOWN[1])[0]["source"] == "live"


def test_one_npz_holds_both(sample_engine: Engine, catalogue: Catalogue, tmp_path: Path) -> None:
    movie_ids, movies, users = vectors_of(catalogue)
    both = tmp_path / "both.npz"
    np.savez(both, movie_ids=movie_ids, movies=movies, user_ids=np.array(KNOWN), users=users)
    assert import_vectors(sample_engine, both).users == len(KNOWN)
    with pytest.raises(SourceError, match="leave --users out"):
        import_vectors(sample_engine, both, both)


def test_the_model_says_what_it_is(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path
) -> None:
    with sample_engine.connect() as connection:
        trained = active_model(connection)
    report = import_both(sample_engine, tmp_path, catalogue, activate=False)
    assert report.previous == trained
    with sample_engine.connect() as connection:
        assert active_model(connection) == trained
        model = describe_model(connection, report.model_id)
        columns = connection.exec_driver_sql(
            "select count(*), count(liked_count) from recsys.user_vectors where model_id = %s",
            (report.model_id,),
        ).one()
        assert tuple(columns) == (len(KNOWN), 0)
    assert model["algorithm"] == "import"
    assert model["parameters"] == {
        **{"file": "films.npz", "users_file": "people.npz", "score": "dot"},
        **{"alpha": 1.0, "regularization": 0.03, "threshold": POSITIVE_STARS},
    }
    n = len(catalogue.films) - 2
    assert model["data"] == {
        **{"movies_read": n, "movies_unknown": 0, "movies_zero": 0},
        **{"users_read": len(KNOWN), "users_zero": 0},
    }
    assert 0 < model["row_bytes"] < model["table_bytes"]
    assert model["index_bytes"] == 0  # few films do without
    assert len(model["prior"]) == len(model["solve_diagonal"]) == DIMENSION
    assert "stay as stored; for everybody else" in model["live_users"]


def test_groups_and_all_users(sample_engine: Engine, catalogue: Catalogue, tmp_path: Path) -> None:
    for with_users in (True, False):
        # By cosine, since scores are compared to so many decimals.
        report = import_both(
            sample_engine, tmp_path, catalogue, score="cosine", with_users=with_users
        )
        recommend_all(sample_engine, 3)
        with sample_engine.connect() as connection:
            rows = call(connection, "recommend_group", user_ids=[1, *KNOWN], k=5)
            assert {row["model_id"] for row in rows} == {report.model_id}
            assert {row["source"] for row in rows} == {"live"}
            kept = connection.exec_driver_sql(KEPT).all()
            assert {row[5] for row in kept} == {report.model_id}
            assert ((KNOWN[2], "personal") in {(row[0], row[4]) for row in kept}) == with_users
            connection.exec_driver_sql(
                "delete from recsys.recommendations where user_id = %s", (KNOWN[2],)
            )
            assert_same(connection, 3)


FILMS = "movie_id,a,b\n1,1,0\n2,0,1\n"
REFUSED: dict[str, tuple[str, str]] = {
    # name: content, what the message must tell
    "films.txt": (FILMS, "ending"),
    "no_id.csv": ("film,a\n1,2\n", "no column of ids"),
    "users_for_films.csv": ("user_id,a\n1,2\n", "no column of ids"),
    "two_ids.csv": ("movie_id,imdb_id,a\n1,tt0114709,2\n", "several columns of ids"),
    "word.csv": ("movie_id,a,b\n1,2,3\n\n2,1,x y\n", "line 4: 'x y' in the column 'b'"),
    "title.csv": ("movie_id,title,a\n1,Heat,3\n", "'Heat' in the column 'title'"),
    "gap.csv": ("movie_id,a,b\n1,2,\n", "line 2: '' in the column 'b'"),
    "short.csv": ("movie_id,a,b\n1,2\n", "line 2: '' in the column 'b'"),
    "long.csv": ("movie_id,a,b\n1,2,3\n1,2,3,4\n", "line 3"),
    "all_long.csv": ("movie_id,a,b\n1,2,3,4\n", "Length of header"),
    "flag.csv": ("movie_id,a\n1,True\n", "'True'"),
    "nan.csv": ("movie_id,a\n1,nan\n", "'nan'"),
    "inf.csv": ("movie_id,a,b\n1,1,inf\n", "line 2: number 2 is inf"),
    "large.csv": ("movie_id,a\n1,1e39\n", "number 1 is 1e+39"),
    "ragged.csv": ('movie_id,vector\n1,"[1,2]"\n2,"[1]"\n', "line 3: the list has 1 numbers"),
    "text_list.csv": ('movie_id,vector\n1,"[1,""2""]"\n', "no list of numbers"),
    "no_list.csv": ("movie_id,vector\n1,half\n", "'half' is no list"),
    "nested.csv": ('movie_id,embedding\n1,"[[1],[2]]"\n', "no list of numbers"),
    "twice.csv": ("movie_id,a\n1,1\n2,1\n1,1\n", "line 4: movie_id 1 is there twice, first in line 2"),
    "bad_id.csv": ("movie_id,a\n1,1\nx7,1\n", "line 3: 'x7' is no movie_id"),
    "half_id.csv": ("movie_id,a\n1.5,1\n", "'1.5' is no movie_id"),
    "empty_id.csv": ("movie_id,a\n,1\n", "'' is no movie_id"),
    "imdb.csv": ("imdb_id,a\nnm01,1\n", "'nm01' is no imdb_id"),
    "twice_imdb.csv": ("imdb_id,a\ntt0114709,1\n114709,1\n", "imdb_id tt0114709 is there twice"),
    "no_rows.csv": ("movie_id,a\n", "holds no vectors"),
    "no_numbers.csv": ("movie_id\n1\n", "holds no vectors"),
    "nothing.csv": ("", "cannot be read as CSV"),
    "no.parquet": ("PAR1 not at all", "cannot be read as Parquet"),
    "no.npz": ("no archive", "cannot be read as npz"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_and_where(tmp_path: Path, name: str) -> None:
    content, message = REFUSED[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError) as caught:
        read_vectors(tmp_path / name, "movies")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refused_import_leaves_nothing(sample_engine: Engine, tmp_path: Path) -> None:
    for content, message in (
        ("movie_id,a\n99999999,1\n", "none of the 1 films"),
        ("movie_id,a\n1,0\n2,0\n", "all vectors are zero"),
    ):
        (tmp_path / "films.csv").write_text(content)
        with pytest.raises(SourceError, match=message):
            import_vectors(sample_engine, tmp_path / "films.csv")
    (tmp_path / "films.csv").write_text(FILMS)
    (tmp_path / "users.csv").write_text("user_id,a,b\n1,1e30,1\n")
    with pytest.raises(SourceError, match=r"to 1e\+\d\d long"):
        import_vectors(sample_engine, tmp_path / "films.csv", tmp_path / "users.csv")
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from recsys.models").scalar() == 1


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "films.npz"
    ids, movies = np.arange(1, 4), np.eye(3)
    for arrays, message in (
        ({"movie_ids": ids}, "no array 'movies'"),
        ({"movies": movies}, "no column of ids"),
        ({"movie_ids": ids[:2], "movies": movies}, "n rows of numbers"),
        ({"movie_ids": ids, "movies": movies[0]}, "n rows of numbers"),
        ({"movie_ids": ids, "movies": movies.astype(str)}, "n rows of numbers"),
        ({"movie_ids": ids, "movies": movies * np.nan}, "row 1: number 1 is nan"),
        ({"movie_ids": ids, "movies": np.empty((3, 0))}, "holds no vectors"),
        ({"movie_ids": ids, "movies": np.ones((3, 16_000))}, "15,999 at most"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(SourceError, match=message):
            read_vectors(path, "movies")
    pickled = np.array([{"a": 1}] * 3, dtype=object)
    np.savez(path, allow_pickle=True, movie_ids=ids, movies=pickled)
    with pytest.raises(SourceError, match="cannot be read as npz"):
        read_vectors(path, "movies")


def test_two_trainings_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text(FILMS)
    (tmp_path / "users.csv").write_text("user_id,a\n1,1\n")
    for users, message in (
        ("users.csv", "have 2 numbers and the users' 1"),
        ("nobody.csv", "no file"),
        ("films.csv", "the users' are called user_id"),
    ):
        with pytest.raises(SourceError, match=message):
            read_both(tmp_path / "films.csv", tmp_path / users)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet(tmp_path / "films", "movie_id", [1], np.eye(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SourceError, match=r"pip install 'recsys\[parquet\]'"):
        read_vectors(path, "movies")


@pytest.mark.parametrize("dimension", [1, 2000])
def test_very_short_and_very_long_vectors(
    sample_engine: Engine, catalogue: Catalogue, tmp_path: Path, dimension: int
) -> None:
    """pgvector indexes fewer than 2,000 numbers; longer ones are searched one by one."""
    movie_ids, movies, _ = vectors_of(catalogue, dimension)
    films = write_npz(tmp_path / "films", "movie_id", movie_ids, movies)
    report = import_vectors(sample_engine, films, activate=True)
    with sample_engine.connect() as connection:
        rows = call(connection, "recommend", user_id=1)
        assert {row["source"] for row in rows} == {"live"}
        connection.exec_driver_sql(
            "select recsys_internal.index_model(%s, true)", (report.model_id,)
        )
        size = describe_model(connection, report.model_id)["index_bytes"]
    assert (size > 0) == (dimension < 2000)


def test_on_the_command_line(
    settings: Settings, sample_engine: Engine, catalogue: Catalogue, tmp_path: Path
) -> None:
    movie_ids, movies, users = vectors_of(catalogue)
    movie_ids[0] = 999_999
    films = write_csv(tmp_path / "films", "movie_id", movie_ids, movies)
    people = write_csv(tmp_path / "people", "user_id", KNOWN, users)
    name = sample_engine.url.database
    assert name is not None
    on = ("--database", name, "models")
    for options, state in (((), "written"), (("--activate",), "active")):
        done = recsys(*on, "import", str(films), "--users", str(people), *options)
        made = re.fullmatch(
            rf"Model (\d+) is {state}: {len(movies) - 1:,} films and 3 users, .*",
            done.stdout.strip(),
        )
        assert made
        model_id = made[1]
        with sample_engine.connect() as connection:
            assert (active_model(connection) == int(model_id)) is bool(options)
        assert f"recsys models activate {1 if options else model_id}" in done.stderr
    assert "999999" in done.stderr
    assert "import: films.csv" in recsys(*on, "list").stdout
    shown = recsys(*on, "show", model_id, COLUMNS="120").stdout
    assert "6 numbers" in shown
    assert "stay as stored" in shown
    assert max(map(len, shown.splitlines())) <= 120
    [facts] = json.loads(recsys(*on, "show", model_id, "-o", "json").stdout)
    assert facts["data"]["movies_unknown"] == 1
    assert len(facts["prior"]) == DIMENSION


def test_a_mistake_is_one_line(settings: Settings, sample_name: str) -> None:
    line = fails("--database", sample_name, "models", "import", "/nowhere.csv")
    assert "there is no file /nowhere.csv" in line
