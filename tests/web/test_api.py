"""The REST API: it answers what the methods answer, and says what it answers."""

from __future__ import annotations

import csv
import inspect
import io
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import URL, Engine
from starlette.testclient import TestClient

from recsys import DatabaseError, Recommender
from recsys.serving.questions import Questions
from recsys.web.api import WRITES
from recsys.web.app import create_app
from tests.helpers.servers import url_of
from tests.helpers.web import HERE, listening

PLOT = "a shark attacks the people at a beach"
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("recommend", {"user_id": 42, "genres": ["Comedy", "Drama"], "year_from": 1960}),
    ("recommend", {"user_id": 42, "rerank": False}),
    ("recommend", {"user_id": -1}),
    ("recommend", {"user_id": 42, "diversity": 0.5}),
    ("recommend_for", {"liked": [1, 2, 3]}),
    ("recommend_group", {"user_ids": [1, 2], "strategy": "least_misery"}),
    ("similar_movies", {"movie_id": 7}),
    ("similar_movies", {"movie_id": 7, "by": "both"}),
    ("more_like", {"liked": [1, 2], "disliked": [3]}),
    ("popular", {"exclude_movies": [1, 2]}),
    ("explain", {"user_id": 42, "movie_id": 33}),
    ("users_for", {"movie_id": 7}),
    ("similar_users", {"user_id": 42}),
    ("search_titles", {"query": "the matirx"}),
    ("search_plots", {"query": PLOT}),
]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("score_movies", {"user_id": 42, "movie_ids": [1, 2, 3]}),
    ("predict_genres", {"plot": PLOT, "threshold": 0.1}),
    ("predict_movie_genres", {"movie_id": 7}),
    ("movies", {"movie_ids": [3, 1]}),
]


def asked(url: URL, name: str, arguments: dict[str, Any]) -> Any:
    with Recommender(url.render_as_string(hide_password=False)) as recommender:
        return getattr(recommender, name)(**arguments)


@pytest.mark.parametrize(("name", "arguments"), LISTS + OTHERS)
def test_a_route_answers_what_the_method_does(
    client: TestClient, learned_url: URL, name: str, arguments: dict[str, Any]
) -> None:
    rows = [asdict(row) for row in asked(learned_url, name, arguments)]
    answer = client.get(f"/api/v1/{name}", params=arguments)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert len(rows) > 0
    assert found == rows
    table = client.get(f"/api/v1/{name}", params=arguments, headers={"Accept": "text/csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    heading, *lines = csv.reader(io.StringIO(table.text))
    assert heading == list(rows[0])
    assert [line[1] for line in lines] == [
        "" if value is None else str(value) for _, value, *_ in map(dict.values, rows)
    ]


def is_whole(name: str, arguments: dict[str, Any]) -> bool:
    return name == "search_titles" or arguments.get("by") == "both" or "diversity" in arguments


@pytest.mark.parametrize(("name", "arguments"), [one for one in LISTS if not is_whole(*one)])
def test_pages_together_are_the_list(
    client: TestClient, name: str, arguments: dict[str, Any]
) -> None:
    whole = client.get(f"/api/v1/{name}", params={**arguments, "k": 23}).json()
    next_page: str | None = f"/api/v1/{name}"
    pages: list[Any] = []
    given: Any = {**arguments, "k": 7}
    while next_page and len(pages) < 23:
        answer = client.get(next_page, params=given)
        pages += answer.json()
        next_page, given = answer.links.get("next", {}).get("url"), None
    assert len(whole) > 7
    assert pages[:23] == whole
    assert next_page is not None or len(pages) == len(whole)


@pytest.mark.parametrize(("name", "arguments"), [one for one in LISTS if is_whole(*one)])
def test_a_list_that_begins_otherwise_when_it_is_longer_has_one_page(
    client: TestClient, name: str, arguments: dict[str, Any]
) -> None:
    answer = client.get(f"/api/v1/{name}", params={**arguments, "k": 2})
    assert len(answer.json()) == 2
    assert "next" not in answer.links
    refused = client.get(f"/api/v1/{name}", params={**arguments, "k": 2, "offset": 2})
    assert refused.status_code == 422
    assert "one page" in refused.json()["detail"]


def test_the_last_page_says_that_it_is(client: TestClient) -> None:
    everything = client.get("/api/v1/popular", params={"k": 1000})
    assert "next" not in everything.links
    count = len(everything.json())
    for offset, rows, more in ((0, 5, True), (count - 5, 5, False), (count, 0, False)):
        answer = client.get("/api/v1/popular", params={"k": 5, "offset": offset})
        assert len(answer.json()) == rows
        assert ("next" in answer.links) is more


def test_films_users_and_models_have_addresses(client: TestClient, learned_url: URL) -> None:
    film = client.get("/api/v1/movies/7").json()
    assert film == asdict(asked(learned_url, "movie", {"movie_id": 7}))
    ratings = client.get("/api/v1/users/42/ratings?k=3").json()
    expected = asked(learned_url, "ratings", {"user_id": 42, "k": 3})
    assert [row["movie_id"] for row in ratings] == [row.movie_id for row in expected]
    vector = client.get("/api/v1/users/42/vector").json()
    assert vector == asked(learned_url, "user_vector", {"user_id": 42}).tolist()
    assert client.get("/api/v1/users/-1/vector").json() is None
    (model,) = client.get("/api/v1/models").json()
    assert model["active"]
    assert client.get("/api/v1/models?format=csv").text.startswith("model_id,algorithm,")
    both = client.get("/api/v1/recommend_many?user_ids=1&user_ids=2&k=2").json()
    assert both == {
        user: client.get(f"/api/v1/recommend?user_id={user}&k=2").json() for user in ("1", "2")
    }


def test_users_are_listed_to_the_last(client: TestClient, learned_engine: Engine) -> None:
    with learned_engine.connect() as connection:
        counted = connection.exec_driver_sql(
            "select user_id, count(*) as rating_count from recsys.ratings"
            " group by user_id order by user_id"
        ).mappings()
        expected = [dict(row) for row in counted]
    found: list[Any] = []
    next_page: str | None = "/api/v1/users?k=300"
    while next_page:
        answer = client.get(next_page)
        found += answer.json()
        next_page = answer.links.get("next", {}).get("url")
    assert found == expected


def test_an_answer_that_the_client_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/api/v1/recommend?user_id=42")
    assert first.headers["cache-control"] == "private, no-cache"
    again = {"If-None-Match": first.headers["etag"]}
    same = client.get("/api/v1/recommend?user_id=42", headers=again)
    assert (same.status_code, same.content) == (304, b"")
    assert client.get("/api/v1/recommend?user_id=43", headers=again).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "argument"),
    [
        ("similar_movies?movie_id=9999", 404, "movie_id"),
        ("movies/9999", 404, "movie_id"),
        ("recommend?user_id=1&model_id=9999", 404, "model_id"),
        ("recommend?user_id=1&genres=Comdy", 422, "genres"),
        ("recommend?user_id=1&k=0", 422, "k"),
        ("recommend?user_id=1&diversity=2", 422, "diversity"),
        ("recommend", 422, "user_id"),
        ("recommend?user_id=one", 422, "user_id"),
        (f"recommend?user_id={2**63}", 422, "user_id"),
        ("search_titles?query=", 422, None),
        ("search_titles?query=%00", 422, None),
        ("nothing", 404, None),
    ],
)
def test_a_refusal_says_why(
    client: TestClient, path: str, status: int, argument: str | None
) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert answer.json()["argument"] == argument


def test_ratings_are_written_and_deleted(writer: TestClient) -> None:
    address = "/api/v1/users/-7/ratings/33"
    assert writer.put(address, json={"rating": 4.5}).status_code == 204
    (row,) = writer.get("/api/v1/users/-7/ratings").json()
    assert (row["movie_id"], row["rating"]) == (33, 4.5)
    assert writer.get("/api/v1/recommend?user_id=-7").json()[0]["source"] == "live"
    assert writer.put(address, json={"rating": 6}).status_code == 422
    last = {"rating": 4, "rated_at": "9999-12-31T00:00:00Z"}
    assert "choose a time" in writer.put(address, json=last).json()["detail"]
    assert writer.put("/api/v1/users/-7/ratings/9999", json={"rating": 5}).status_code == 404
    assert writer.delete(address).status_code == 204
    assert writer.delete(address).status_code == 204
    assert writer.get("/api/v1/users/-7/ratings").json() == []


def test_marks_and_withdrawals_are_written(writer: TestClient) -> None:
    def films(path: str) -> list[int]:
        return [film["movie_id"] for film in writer.get(f"/api/v1/{path}").json()]

    best = films("popular?k=1")[0]
    assert writer.put(f"/api/v1/users/-7/marks/seen/{best}").status_code == 204
    assert best not in films("recommend?user_id=-7")
    assert writer.delete(f"/api/v1/users/-7/marks/seen/{best}").status_code == 204
    assert best in films("recommend?user_id=-7")
    assert writer.put(f"/api/v1/users/-7/marks/loathed/{best}").status_code == 422
    assert writer.put(f"/api/v1/movies/{best}/withdrawal").status_code == 204
    assert films("popular?k=1") != [best]
    assert writer.delete(f"/api/v1/movies/{best}/withdrawal").status_code == 204
    assert films("popular?k=1") == [best]


def test_a_list_that_was_shown_is_written(writer: TestClient, learned_engine: Engine) -> None:
    address = "/api/v1/users/-7/impressions"
    shown = {"movie_ids": [3, 1], "propensities": [1, 0.5], "shown_at": "2020-01-01T00:00:00Z"}
    for _ in range(2):
        assert writer.put(address, json=shown).status_code == 204
    assert writer.put(address, json={"movie_ids": [1], "variants": []}).status_code == 422
    assert writer.put(address, json={"movie_ids": [9999]}).status_code == 404
    assert writer.get("/api/v1/variant_of?user_id=1&experiment=x").status_code == 422
    with learned_engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select movie_id, rank, propensity from recsys.impressions order by rank"
        )
        assert [tuple(row) for row in found] == [(3, 1, 1.0), (1, 2, 0.5)]


def test_the_description_has_every_method_with_its_arguments(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    operations = {
        operation["operationId"]: operation
        for path in described["paths"].values()
        for operation in path.values()
    }
    methods = {name for name in dir(Questions) if not name.startswith("_")}
    assert set(operations) == {*methods, "users"}
    assert set(WRITES) <= methods
    arguments = {one["name"]: one for one in operations["recommend"]["parameters"]}
    assert set(arguments) == {
        *inspect.signature(Recommender.recommend).parameters,
        "offset",
        "format",
    } - {"self"}
    assert arguments["user_id"]["required"]
    for name, operation in operations.items():
        for one in operation.get("parameters", []):
            assert one.get("description"), (name, one["name"])
    assert set(operations["recommend"]["responses"]) == {"200", "304", "404", "422", "503"}


def test_a_database_that_is_away_is_no_mistake_of_the_caller() -> None:
    away = URL.create("postgresql+psycopg", host="127.0.0.1", port=1, database="nothing")
    with TestClient(create_app(away, timeout=2), HERE) as client:
        for path in ("/api/v1/popular", "/healthz", "/"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "refused" not in answer.text
        assert client.get("/api/v1/popular").headers["retry-after"] == "5"


def test_health_and_figures(writer: TestClient) -> None:
    client = writer  # a fresh one
    assert client.get("/healthz").json() == {"status": "ok", "model_id": 1}
    client.get("/api/v1/movies/7")
    client.get("/api/v1/movies/8")
    figures = client.get("/metrics").text
    route = 'route="/api/v1/movies/{movie_id}"'
    assert f'recsys_requests_total{{method="GET",{route},status="200"}} 2.0' in figures
    assert f"recsys_sql_seconds_count{{{route}}} 2.0" in figures


def test_every_connection_of_a_reader_refuses_to_write(learned_engine: Engine) -> None:
    # Even if a route forgot to ask whether it may.
    app = create_app(learned_engine.url)
    with TestClient(app, HERE) as client:
        client.get("/healthz")
        assert client.portal is not None
        with pytest.raises(DatabaseError, match="read-only"):
            client.portal.call(app.state.asker.rate, -7, 33, 5)
    with Recommender(url_of(learned_engine)) as recommender:
        assert recommender.ratings(-7) == []


def test_the_log_has_one_line_a_request(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "recsys.web"):
        client.get("/api/v1/movies/7%0Aforged")
        client.get("/api/v1/movies/7")
    lines = [record.getMessage() for record in caplog.records if record.name == "recsys.web"]
    assert len(lines) == 2
    assert lines[0].startswith("GET /api/v1/movies/7%0Aforged 422 in ")
    assert re.fullmatch(
        r"GET /api/v1/movies/7 200 in [\d.]+ ms, of them SQL [\d.]+ ms in \d+ statements", lines[1]
    )


@pytest.mark.slow
def test_many_at_once_all_get_their_answer(learned_url: URL) -> None:
    with (
        listening(create_app(learned_url, pool_size=10)) as address,
        ThreadPoolExecutor(200) as threads,
    ):
        paths = [f"{address}/viewer?user_id={n}" for n in range(100)]
        paths += [f"{address}/api/v1/recommend?user_id={n}" for n in range(100)]

        def status(path: str) -> int:
            with urllib.request.urlopen(path, timeout=60) as answer:
                return int(answer.status)

        assert set(threads.map(status, paths)) == {200}
