"""How fast recommend() is beside LanceDB, Qdrant, hnswlib and pgvector alone, at equal recall.

    pip install --group bench
    python -m benchmarks.peers.serving [--ratings 5000000] [--users 300] [--calls 300]
    python -m benchmarks.peers.serving --films 10000 62000 1000000 --chart serving.png

62,000 simulated films, 128 trained factors, users with 200 rated titles or a few more. Everyone
answers the same question for the same users: the 10 best films of a genre that the user has not
rated, for genres of 50, 10, 1 and 0.1 % of the films, and of any genre. They take turns, so that
a noisy moment of the machine hits all alike. Recall is against NumPy's brute force.

- recommend: one prepared statement through one connection, with titles, genres, reasons and all
  else that it returns; retrieval alone. "all on" has the learned order besides: 60 films of
  retrieval and 30 popular ones are put in order, so that its recall tells how many of the ten it
  leaves. "live" asks for users who liked one more film since the training; their exact answer is
  that of the vector solved anew, so a stale vector would show as lost recall.
- pgvector: the query that a person would write by hand, on a table of ids and vectors with an HNSW
  index, iterative scan, a join with genres, and `not exists` for rated films; ef_search chosen as
  LanceDB's settings are. It is spared the user's vector, and returns movie_id only.
- Qdrant: in its local mode, which compares all vectors in Python; only every tenth call.
- LanceDB: on disk, with indexes on genres and movie_id, and whichever settings among `LANCE` are
  fastest at a recall of 0.99 (or else come nearest), chosen for each genre. It is spared much:
  the user's vector and rated films are at hand, only movie_id is returned, and it searches on
  all cores. (IVF_SQ and IVF_PQ were tried too, and never won.)
- hnswlib: in memory, in process, with a filter in Python, and the ef that is fastest likewise;
  the line without any filter is the floor, whatever the genre. It raises an error when it finds
  fewer than 10 films; that counts as none.

With --films, catalogues of those sizes are made up, as benchmarks/speed/retrieval.py does with
skewed norms (sigma 1.5), and their vectors written as `recsys models import` writes them: nothing
is trained, so there is no learned order, and recommend alone is asked. No HNSW index is built,
since such norms leave too little to read for one to be asked. Prints p50 and p95, and draws p50.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any, cast

import numpy as np
import pandas as pd
import psycopg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sqlalchemy import Engine

from benchmarks.scratch import scratch_database
from benchmarks.speed.fold_in import read_films, solve_exactly
from benchmarks.speed.retrieval import make_vectors
from recsys.arrays import Index, Mask, Vectors
from recsys.evaluation.charts import sketch
from recsys.learning.vectors import cosine_form
from recsys.loading.load import load
from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.sources.simulated.synthetic import SyntheticSource
from recsys.training.train import train

os.environ.setdefault("LANCEDB_LOG", "error")
try:  # not by `import`: the project does without them, and so do its type checks
    lancedb, lance_index = import_module("lancedb"), import_module("lancedb.index")
    hnswlib, qdrant = import_module("hnswlib"), import_module("qdrant_client")
except ModuleNotFoundError as error:
    raise SystemExit(f"{error}: pip install --group bench") from None

K, MOVIES, RATED, ENOUGH = 10, 62_000, 200, 0.99
WARM_UP, TUNING = 10, 40  # calls
# The default regularization grows with the number of films: of so many, rated so thinly, it leaves
# two of the 128 directions, and nothing to search for. This leaves about sixty.
PARAMETERS = Parameters(factors=128, alpha=0.1, regularization=0.003)
SHARES = {"Half": 0.5, "Tenth": 0.1, "Hundredth": 0.01, "Thousandth": 0.001}
BEGUN = time.perf_counter()

HNSW_SQ = [{"ef": 10 * refined, "refine_factor": refined} for refined in (5, 10, 20, 40)]
# Of each index, how it is built and the settings that are tried.
LANCE: dict[str, tuple[Any, list[dict[str, int]]]] = {
    "IVF_FLAT": (lance_index.IvfFlat(num_partitions=64), [{"nprobes": n} for n in (8, 16, 32, 64)]),
    "IVF_HNSW_SQ": (lance_index.HnswSq(num_partitions=1), HNSW_SQ),
}
HNSW_EF = (16, 32, 64, 128, 256, 512)
FLOOR, QDRANT = "hnswlib, no filter", "Qdrant, local"
EF_SEARCH = (40, 100, 200, 400)
SLOW = 10  # of the calls, one in so many is made of what takes tenths of a second
MADE_UP_USERS = 300

RATINGS = "select movie_id, rating from recsys.ratings where user_id = %s"
CONTENT = "select movie_id from recsys.movie_vectors where content"
RECOMMEND = "select * from recsys.recommend(%s, k => 10, genres => %s, rerank => %s)"
ACTIVE_USERS = """
    select user_id from recsys.ratings
    group by user_id having count(*) >= %s order by count(*), hashint8(user_id) limit %s
"""
ADD_GENRE = """
    with added as (insert into recsys.genres (name) values (%s) returning genre_id)
    insert into recsys.movie_genres (movie_id, genre_id)
    select movie_id, genre_id from recsys.movies, added
    order by hashint8extended(movie_id, %s) limit %s
"""

NO_INDEX = """
    create or replace function recsys_internal.index_pays(model recsys.models)
    returns boolean language sql immutable as 'select false'
"""
# As a person would write it who has read pgvector's manual.
BY_HAND = """
    create schema by_hand;
    create table by_hand.films as
        select movie_id, embedding::vector({0}) as embedding from recsys.movie_vectors;
    alter table by_hand.films add primary key (movie_id);
    create index on by_hand.films using hnsw (embedding vector_cosine_ops);
    create table by_hand.film_genres as
        select movie_id, name as genre from recsys.movie_genres join recsys.genres using (genre_id);
    create index on by_hand.film_genres (movie_id, genre);
    analyze by_hand.films;
    analyze by_hand.film_genres;
    set hnsw.iterative_scan = strict_order
"""
NEAREST = """
    select f.movie_id from by_hand.films f
    where not exists (
        select from recsys.ratings r where r.user_id = %(user)s and r.movie_id = f.movie_id) {0}
    order by f.embedding <=> %(vector)s::vector limit 10
"""
OF_GENRE = """
    and exists (select from by_hand.film_genres g where g.movie_id = f.movie_id
        and g.genre = %(genre)s)
"""

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Viewer:
    user_id: int
    vector: Vectors
    rated: list[int]


Answer = Callable[[Viewer, str | None], list[int]]
# Its answers by setting, and the users that it is asked for.
Contender = tuple[dict[str, Answer], list[Viewer]]


@dataclass(frozen=True)
class Films:
    """Films that have a vector, and which of them are of each genre; of None all are."""

    ids: Index
    vectors: Vectors  # of length 1, as stored
    members: dict[str | None, Mask]

    def best(self, viewer: Viewer, genre: str | None, filtered: bool) -> set[int]:
        scores = self.vectors @ viewer.vector
        if filtered:
            scores[~self.members[genre] | np.isin(self.ids, viewer.rated)] = -np.inf
        best = np.argpartition(-scores, K)[:K]
        return set(self.ids[best[np.isfinite(scores[best])]].tolist())


@dataclass
class Line:
    """What one of them took and answered, for one genre."""

    answer: Answer
    viewers: list[Viewer]
    exact: list[set[int]]
    setting: str
    every: int = 1  # call that is made
    milliseconds: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    short: int = 0
    served: set[int] = field(default_factory=set)

    def call(self, turn: int, genre: str | None) -> None:
        if turn % self.every:
            return
        place = turn % len(self.viewers)
        begun = time.perf_counter()
        found = self.answer(self.viewers[place], genre)
        taken = (time.perf_counter() - begun) * 1000
        if turn >= 0:  # else it warms up
            self.milliseconds.append(taken)
            self.recalls.append(len(self.exact[place].intersection(found)) / len(self.exact[place]))
            self.short += len(found) < K
            self.served.update(found)


def say(text: str) -> None:
    print(f"{time.perf_counter() - BEGUN:6.1f} s  {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=5_000_000)
    parser.add_argument("--users", type=int, default=300, help="as trained, and as many live ones")
    parser.add_argument("--calls", type=int, default=300, help="of each, for each genre")
    parser.add_argument("--films", type=int, nargs="+", help="sizes of made-up catalogues")
    parser.add_argument("--chart", help="file to draw p50 of these into")
    arguments = parser.parse_args()
    if arguments.films:
        taken = {films: measure_made_up(films, arguments.calls) for films in arguments.films}
        if arguments.chart:
            sketch(partial(draw, taken=taken)).savefig(arguments.chart, dpi=100)
        return
    with scratch_database() as engine:
        users = make_data(engine, arguments.ratings, 2 * arguments.users)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
            connection = cast(Connection, pooled.connection.driver_connection)
            compare(connection, users, arguments.users, arguments.calls)


def compare(connection: Connection, users: list[int], live: int, calls: int) -> None:
    """Let all answer for the users; the first ones like one more film."""
    connection.execute("vacuum analyze")
    films, viewers = prepare(connection, users, live)
    newer, fresh = viewers[:live], viewers[live:]
    say(f"{len(films.ids):,} of {MOVIES:,} films have a vector; building indexes")
    answer = partial(recommend, connection.cursor(), False)
    ranked = partial(recommend, connection.cursor(), True)
    with tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Contender] = {
            "recommend": ({"": answer}, fresh),
            "recommend, all on": ({"": ranked}, fresh),
            "recommend, live": ({"": answer}, newer),
            "pgvector by hand": (hand_answers(connection), fresh),
            "LanceDB": (lance_answers(folder, films), fresh),
            QDRANT: ({"": qdrant_answers(folder, films)}, fresh),
            **{name: (found, fresh) for name, found in hnsw_answers(films).items()},
        }
        measure(films, contenders, calls)


def measure_made_up(films: int, calls: int) -> dict[str, float]:
    """Return the p50 of recommend in milliseconds, by genre."""
    with scratch_database() as engine:
        make_up(engine, films)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
            connection = cast(Connection, pooled.connection.driver_connection)
            connection.execute("vacuum analyze")
            cursor = connection.cursor()
            viewers = [Viewer(n, np.empty(0, np.float32), []) for n in range(1, MADE_UP_USERS + 1)]
            taken = {}
            for genre in (None, *SHARES):
                line = Line(partial(recommend, cursor, False), viewers, [{0}] * len(viewers), "")
                run([line], calls, genre)
                p50, p95 = np.percentile(line.milliseconds, [50, 95])
                taken[genre or "Any"] = float(p50)
                print(f"{films:9,} films  {genre or 'any':10} p50 {p50:6.2f} ms  p95 {p95:6.2f} ms"
                      f"  short {line.short}", flush=True)  # fmt: skip
    return taken


def draw(drawing: Figure, taken: dict[int, dict[str, float]]) -> None:
    axes = drawing.subplots()
    for genre, share in {"Any": 1.0, **SHARES}.items():
        axes.plot(list(taken), [one[genre] for one in taken.values()], "o-", label=f"{share:.1%}")
    axes.set(xscale="log", xlabel="films", ylabel="p50 of recommend, ms", ylim=(0, None))
    axes.legend(title="pass the filter")


def make_up(engine: Engine, films: int) -> None:
    """Write films, genres, users with ratings, and a model of vectors from elsewhere."""
    say(f"making up {films:,} films")
    generator = np.random.default_rng(0)
    users, movies, norms = make_vectors(generator, films, MADE_UP_USERS, 1.5)
    user_ids, movie_ids = np.arange(1, MADE_UP_USERS + 1), np.arange(1, films + 1)
    known = np.argsort(-norms)[: max(2000, films // 50)] + 1  # people rate what is popular
    model = TrainedModel(
        "made up", user_ids, movie_ids, users, movies, {}, {}, {}, {}, timedelta(0)
    )
    with engine.begin() as connection:
        run_sql = connection.exec_driver_sql
        run_sql("set local recsys.bulk = on")
        run_sql("insert into recsys.movies (movie_id, title)"
                " select n, 'Film ' || n from generate_series(1, %s) n", (films,))  # fmt: skip
        for seed, (genre, share) in enumerate(SHARES.items()):
            run_sql(ADD_GENRE, (genre, seed, round(share * films)))
        for user in user_ids.tolist():
            rated = generator.choice(known, RATED, replace=False).tolist()
            run_sql("insert into recsys.ratings select %s, unnest(%s::bigint[]), 5", (user, rated))
        run_sql(NO_INDEX)
        activate_model(connection, write_model(connection, model))


def make_data(engine: Engine, ratings: int, wanted: int) -> list[int]:
    """Load, add the genres, train; return the wanted users."""
    say(f"loading {ratings:,} ratings")
    load(engine, SyntheticSource(users=ratings // 100, movies=MOVIES, ratings=ratings))
    with engine.begin() as connection:
        for seed, (genre, share) in enumerate(SHARES.items()):
            connection.exec_driver_sql(ADD_GENRE, (genre, seed, round(share * MOVIES)))
        users = [row[0] for row in connection.exec_driver_sql(ACTIVE_USERS, (RATED, wanted))]
    train(engine, PARAMETERS, progress=lambda what, done, *rest: say(f"{what} {done}"))
    return users


def prepare(connection: Connection, users: list[int], live: int) -> tuple[Films, list[Viewer]]:
    """Read the films; let the first users like one more; read the users, solved exactly."""
    ids, items = read_films(connection, PARAMETERS.factors)
    # Vectors made from content are none of the users' equation.
    content = [row[0] for row in connection.execute(CONTENT)]
    learned = ~np.isin(ids, content)
    known, trained = ids[learned], items[learned]
    gram = trained.T @ trained
    likeable = known[np.argsort(-np.linalg.norm(trained, axis=1))[:1000]]
    order = np.argsort(-np.linalg.norm(items, axis=1))  # hnswlib finds more when built in it
    ids, items = ids[order], items[order]
    genres = connection.execute(
        "select name, array_agg(movie_id) from recsys.movie_genres"
        " join recsys.genres using (genre_id) where name = any (%s) group by name",
        (list(SHARES),),
    )
    members = {genre: np.isin(ids, movie_ids) for genre, movie_ids in genres}
    members[None] = np.ones(len(ids), dtype=np.bool_)
    vectors = cosine_form(items.astype(np.float32))[0]
    generator = np.random.default_rng(0)
    viewers = []
    for number, user in enumerate(users):
        if number < live:
            rated = [row[0] for row in connection.execute(RATINGS, (user,))]
            film = int(generator.choice(np.setdiff1d(likeable, rated)))
            connection.execute("insert into recsys.ratings values (%s, %s, 5)", (user, film))
        ratings = connection.execute(RATINGS, (user,)).fetchall()
        liked = np.isin(known, [film for film, stars in ratings if stars >= POSITIVE_STARS])
        vector = np.append(solve_exactly(trained, gram, liked, PARAMETERS), 0)[None]
        unit = padded(vector / np.linalg.norm(vector))[0]
        viewers.append(Viewer(user, unit, [film for film, _ in ratings]))
    return Films(ids, padded(vectors), members), viewers


def padded(vectors: NDArray[Any]) -> Vectors:
    """Return them with zeros up to a length that distances are computed fast at."""
    return np.pad(vectors.astype(np.float32), ((0, 0), (0, -vectors.shape[1] % 16)))


def recommend(cursor: Any, rerank: bool, viewer: Viewer, genre: str | None) -> list[int]:
    values = (viewer.user_id, [genre] if genre else None, rerank)
    return [row[1] for row in cursor.execute(RECOMMEND, values, prepare=True).fetchall()]


def lance_answers(folder: str, films: Films) -> dict[str, Answer]:
    """Build a table for each index; return an answer for each of its settings."""
    genres = [[g for g in SHARES if films.members[g][row]] for row in range(len(films.ids))]
    frame = pd.DataFrame({"movie_id": films.ids, "vector": list(films.vectors), "genres": genres})
    found: dict[str, Answer] = {}
    for index, (config, grid) in LANCE.items():
        table = lancedb.connect(folder).create_table(index, frame)
        table.create_index("vector", config=config)
        table.create_index("genres", config=lance_index.LabelList())
        table.create_index("movie_id", config=lance_index.BTree())
        found |= {f"{index} {given}": partial(lance_answer, table, given) for given in grid}
    return found


def lance_answer(
    table: Any, settings: dict[str, int], viewer: Viewer, genre: str | None
) -> list[int]:
    condition = f"movie_id NOT IN ({','.join(map(str, viewer.rated))})"
    if genre:
        condition = f"array_has(genres, '{genre}') AND {condition}"
    query = table.search(viewer.vector).select(["movie_id", "_distance"]).limit(K)
    for name, value in settings.items():
        query = getattr(query, name)(value)
    return list(query.where(condition, prefilter=True).to_arrow()["movie_id"].to_pylist())


def hand_answers(connection: Connection) -> dict[str, Answer]:
    connection.execute(BY_HAND.format(PARAMETERS.factors + 1))
    return {f"ef={ef}": partial(hand_answer, connection.cursor(), ef) for ef in EF_SEARCH}


def hand_answer(cursor: Any, ef: int, viewer: Viewer, genre: str | None) -> list[int]:
    # Set where it differs only: an application sets it once a connection.
    if cursor.execute("show hnsw.ef_search").fetchone() != (str(ef),):
        cursor.execute(f"set hnsw.ef_search = {ef}")
    vector = str(viewer.vector[: PARAMETERS.factors + 1].tolist())
    values = {"user": viewer.user_id, "vector": vector, "genre": genre}
    query = NEAREST.format(OF_GENRE if genre else "")
    return [row[0] for row in cursor.execute(query, values, prepare=True).fetchall()]


def qdrant_answers(folder: str, films: Films) -> Answer:
    models = import_module("qdrant_client.models")
    client = qdrant.QdrantClient(path=f"{folder}/qdrant")
    vectors = models.VectorParams(size=films.vectors.shape[1], distance=models.Distance.DOT)
    client.create_collection("films", vectors_config=vectors)
    genres = [[g for g in SHARES if films.members[g][row]] for row in range(len(films.ids))]
    client.upload_collection(
        "films", films.vectors, [{"genres": one} for one in genres], films.ids.tolist()
    )

    def answer(viewer: Viewer, genre: str | None) -> list[int]:
        must = []
        if genre:
            match = models.MatchValue(value=genre)
            must.append(models.FieldCondition(key="genres", match=match))
        passes = models.Filter(
            must=must,
            must_not=[models.HasIdCondition(has_id=viewer.rated)],
        )
        found = client.query_points("films", viewer.vector.tolist(), query_filter=passes, limit=K)
        return [point.id for point in found.points]

    return answer


def hnsw_answers(films: Films) -> dict[str, dict[str, Answer]]:
    index = hnswlib.Index("ip", films.vectors.shape[1])
    index.init_index(len(films.ids), M=16, ef_construction=200)
    index.add_items(films.vectors, films.ids)
    every = np.arange(films.ids.max() + 1)
    masks = {genre: bytearray(np.isin(every, films.ids[m])) for genre, m in films.members.items()}
    return {
        name: {f"ef={ef}": partial(hnsw_answer, index, given, ef) for ef in HNSW_EF}
        for name, given in {"hnswlib, filter": masks, FLOOR: {}}.items()
    }


def hnsw_answer(
    index: Any, masks: dict[str | None, bytearray], ef: int, viewer: Viewer, genre: str | None
) -> list[int]:
    passes = None
    if masks:
        mask = masks[genre].copy()
        for movie_id in viewer.rated:
            mask[movie_id] = 0
        passes = mask.__getitem__
    index.set_ef(ef)
    try:
        labels, _ = index.knn_query(viewer.vector, K, num_threads=1, filter=passes)
    except RuntimeError:  # it found fewer
        return []
    return list(labels[0].tolist())


def measure(films: Films, contenders: dict[str, Contender], calls: int) -> None:
    print(f"{'genre':10} {'films':>6}  {'':18} {'p50 ms':>7} {'p95 ms':>7} ", end="")
    print(f"{'recall':>6} {'short':>5} {'distinct':>8}  ({calls} calls each)")
    for genre in (None, *SHARES):
        say(f"measuring {genre or 'any genre'}")
        lines = {}
        for name, (answers, viewers) in contenders.items():
            exact = [films.best(one, genre, name != FLOOR) for one in viewers]
            tried = [Line(answers[setting], viewers, exact, setting) for setting in answers]
            best = run(tried, TUNING, genre) if len(tried) > 1 else tried[0]
            every = SLOW if name == QDRANT else 1
            lines[name] = Line(best.answer, viewers, exact, best.setting, every)
        run(list(lines.values()), calls, genre)
        count = films.members[genre].sum()
        for name, line in lines.items():
            p50, p95 = np.percentile(line.milliseconds, [50, 95])
            print(f"{genre or 'any':10} {count:6,}  {name:18} {p50:7.2f} {p95:7.2f} ", end="")
            print(f"{np.mean(line.recalls):6.3f} {line.short:5,} {len(line.served):8,}", end="  ")
            print(line.setting, flush=True)


def run(lines: list[Line], calls: int, genre: str | None) -> Line:
    """Let them take turns; return the fastest with enough recall."""
    for turn in range(-WARM_UP, calls):
        for line in lines:
            line.call(turn, genre)
    recalls = [min(float(np.mean(line.recalls)), ENOUGH) for line in lines]
    best = [line for line, recall in zip(lines, recalls, strict=True) if recall == max(recalls)]
    return min(best, key=lambda line: np.median(line.milliseconds))


if __name__ == "__main__":
    main()
