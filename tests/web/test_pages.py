"""The pages: what they show is what SQL answers, as text, and their SQL gives it again."""

from __future__ import annotations

import html
import re
import subprocess

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import URL, Engine
from starlette.testclient import TestClient

from recsys import Recommender
from recsys.database.engine import libpq_url
from recsys.database.install import ROLES
from recsys.server.cluster import binaries
from recsys.web.app import create_app
from recsys.web.rendering import initials
from tests.helpers.servers import url_of
from tests.helpers.web import HERE

PAGES = [
    "/",
    "/viewer?user_id=42",
    "/viewer?user_id=42&why=33&shelf=you&genre=Horror",
    "/viewer?user_id=-5",
    "/film/7",
    "/film/7?user_id=42",
    "/search",
    "/search?title=matirx&plot=a+shark+attacks&genre=Thriller&year_from=1960&year_to=",
    "/search?genre=Comedy",
    "/try",
    "/try?title=godfahter",
    "/try?liked=1&liked=7",
    "/compare",
    "/compare?user_id=42",
    "/models",
    "/data",
    "/api",
]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    'it\'s "quoted" \\ 100% :id %(id)s {{ 7 * 7 }}',
    "מבחן \u202egnp.exe",
    "' or 1 = 1; --",
]


def statements(page: str) -> list[str]:
    """Return the SQL that a page says it has sent."""
    return [html.unescape(found) for found in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)]


def psql(url: URL, sql: str) -> list[str]:
    done = subprocess.run(
        [binaries() / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", libpq_url(url)],
        input=sql,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def titles(page: str, section: str) -> list[str]:
    """Return the titles of the cards below a heading of this id."""
    part = page.split(f'id="{section}"')[1].split("</section>")[0]
    return [html.unescape(found) for found in re.findall(r"<h3><a[^>]*><bdi>(.*?)</bdi>", part)]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    page = answer.text
    assert page.count("<h1>") == 1
    assert page.rstrip().endswith("</html>")
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in set(re.findall(r'href="(/[^"#]*)', page)):
        if not target.startswith(("/film/", "/viewer", "/try?", "/search?")):
            assert client.get(html.unescape(target)).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_the_sql_of_a_page_runs_in_psql(client: TestClient, learned_url: URL, path: str) -> None:
    sent = statements(client.get(path).text)
    assert sent or path == "/api"
    psql(learned_url, "\n".join(sent))


def test_the_sql_of_a_page_gives_its_rows(client: TestClient, learned_url: URL) -> None:
    page = client.get("/viewer?user_id=42").text
    (sent,) = [
        sql for sql in statements(page) if "recsys.recommend(" in sql and "genres =>" not in sql
    ]
    rows = [line.split("|") for line in psql(learned_url, sent)]
    assert titles(page, "you") == [row[2] for row in rows]
    assert len(rows) == 12


@pytest.mark.parametrize("path", PAGES)
def test_the_films_that_a_page_s_sql_gives_stand_on_it(
    client: TestClient, learned_url: URL, path: str
) -> None:
    """And no other: each card's film comes from one of its statements."""
    page = client.get(path).text
    lists: set[str] = set()
    given: set[str] = set()
    with psycopg.connect(libpq_url(learned_url), row_factory=dict_row) as connection:
        for sql in statements(page):
            for row in connection.execute(sql.encode()):
                titled = {str(row[name]) for name in ("title", "because_title") if row.get(name)}
                given |= titled
                lists |= {row["title"]} if "rank" in row and "title" in row else set()
    cards = {html.unescape(found) for found in re.findall(r"<h3><a[^>]*><bdi>(.*?)</bdi>", page)}
    assert cards <= given
    if not path.startswith("/compare"):  # longer lists tell there from where a film moved
        assert {title for title in lists if title in html.unescape(page)} == lists


def test_reasons_add_up_to_the_score_and_bars_to_their_end(
    client: TestClient, learned_url: URL
) -> None:
    with Recommender(learned_url.render_as_string(hide_password=False)) as recommender:
        best = recommender.recommend(42, 1)[0]
    page = client.get(f"/viewer?user_id=42&why={best.movie_id}&shelf=you").text
    table = page.split('class="reasons"')[1].split("</table>")[0]
    body, foot = table.split("<tfoot>")
    adds = [float(found) for found in re.findall(r"<td>([+-][\d.]+)</td>", body)]
    (total,) = re.findall(r"<td>(-?[\d.]+)</td>", foot)
    assert float(total) == pytest.approx(best.score, abs=1e-3)
    assert sum(adds) == pytest.approx(float(total), abs=1e-3 * len(adds))
    bars = [
        (kind, float(x), float(x) + float(width))
        for kind, x, width in re.findall(r'class="(more|less)" x="([\d.]+)" width="([\d.]+)"', body)
    ]
    assert len(bars) == len(adds)
    ends = [end if kind == "more" else begin for kind, begin, end in bars]
    begins = [begin if kind == "more" else end for kind, begin, end in bars]
    assert begins[1:] == pytest.approx(ends[:-1], abs=0.6)  # a bar is half a unit wide at least


def test_a_click_rates_and_the_shelves_change(writer: TestClient) -> None:
    before = writer.get("/viewer?user_id=42")
    assert "Your stars for" in before.text
    title = titles(before.text, "you")[0]
    movie_id = re.findall(r'href="/film/(\d+)', before.text.split('id="you"')[1])[0]
    form = {"user_id": "42", "movie_id": movie_id, "here": "/viewer?user_id=42"}
    after = writer.post("/ratings", data={**form, "rating": "2"})
    assert after.url.path == "/viewer"
    assert f"{title}: 2 stars." in html.unescape(after.text)
    assert title not in titles(after.text, "you")
    back = writer.post("/ratings", data={**form, "rating": ""})
    assert f"{title}: no stars." in html.unescape(back.text)
    assert titles(back.text, "you") == titles(before.text, "you")


def test_a_click_hides_puts_off_or_keeps_a_film(writer: TestClient) -> None:
    before = writer.get("/viewer?user_id=42")
    shown = re.findall(r'href="/film/(\d+)', before.text.split('id="you"')[1])[:3]
    names = titles(before.text, "you")
    for movie_id, kind in zip(shown, ("hidden", "not_now", "watchlist"), strict=True):
        form = {"user_id": "42", "movie_id": movie_id, "here": "/viewer?user_id=42"}
        after = writer.post("/ratings", data={**form, "mark": kind})
        assert "The lists know it." in after.text
    assert titles(after.text, "you")[0] == names[2]
    assert titles(after.text, "watchlist") == [names[2]]
    for shelf in ("you", "liked", "genre", "popular"):
        assert not {*names[:2]} & {*titles(after.text, shelf)}
    alike = writer.get(f"/film/{shown[2]}?user_id=42").text
    assert not {*shown[:2]} & {*re.findall(r'class="card">.*?href="/film/(\d+)', alike, re.DOTALL)}
    for movie_id, kind in zip(shown, ("hidden", "not_now", "watchlist"), strict=True):
        form = {"user_id": "42", "movie_id": movie_id, "here": "/viewer?user_id=42"}
        after = writer.post("/ratings", data={**form, "unmark": kind})
    assert titles(after.text, "you") == names
    assert writer.post("/ratings", data={**form, "mark": "loved"}).status_code == 422


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"user_id": "42", "movie_id": "9999", "rating": "4"}, 404),
        ({"user_id": "42", "movie_id": "7", "rating": "9"}, 422),
        ({"user_id": "42", "movie_id": "7", "rating": "nan"}, 422),
        ({"user_id": "x", "movie_id": "7", "rating": "4"}, 422),
        ({"user_id": str(2**63), "movie_id": "7", "rating": "4"}, 422),
        ({}, 422),
    ],
)
def test_a_rating_that_cannot_be_is_refused(
    writer: TestClient, form: dict[str, str], status: int
) -> None:
    answer = writer.post("/ratings", data=form)
    assert answer.status_code == status
    assert answer.text.count("<h1>") == 1


def test_a_reader_sees_no_button_that_writes(client: TestClient) -> None:
    for path in PAGES:
        assert 'method="post"' not in client.get(path).text


def test_models_are_activated(writer: TestClient, learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.models (algorithm, factors, item_norm, parameters, data, versions,"
            " metrics, movie_count, user_count) values ('<b>mine</b>', 4, 1, '{}', '{}', '{}', '{}', 0, 0)"
        )
    page = writer.get("/models").text
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    (other,) = re.findall(r'action="/models/(\d+)/activate"', page)
    done = writer.post(f"/models/{other}/activate")
    assert f"Model {other} answers from now on." in done.text
    assert writer.get("/healthz").json()["model_id"] == int(other)
    assert writer.post("/models/9999/activate").status_code == 404


@pytest.mark.parametrize("text", HOSTILE)
def test_titles_and_genres_are_shown_as_text(learned_engine: Engine, text: str) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.movies set title = %s where movie_id = 33", (text,)
        )
        connection.exec_driver_sql(
            "update recsys.genres set name = %s where name = 'Crime'", (text,)
        )
        connection.exec_driver_sql(
            "insert into recsys.movie_texts values (33, 'overview', %s)", (text,)
        )
    with TestClient(create_app(learned_engine.url), HERE) as client:
        for path in (
            "/viewer?user_id=42&why=33&shelf=you",
            "/film/33",
            "/try?liked=33",
            "/compare?user_id=42",
        ):
            page = client.get(path).text
            assert (
                f"<bdi>{html.escape(text).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')}</bdi>"
                in page
            )
            assert "<script>" not in page
            assert "<img" not in page
            psql(learned_engine.url, "\n".join(statements(page)))
        for name in ("title", "plot", "genre"):
            found = client.get("/search", params={name: text})
            assert found.status_code == 200
            assert text not in found.text or html.escape(text) == text
            psql(learned_engine.url, "\n".join(statements(found.text)))


def test_a_sample_without_texts_has_its_pages(sample_engine: Engine) -> None:
    with TestClient(create_app(sample_engine.url), HERE) as client:
        assert "No plots have been learned" in client.get("/film/7").text
        assert client.get("/search?plot=a+shark").status_code == 200
    with Recommender(url_of(sample_engine)) as recommender:
        assert recommender.movie(7).title


def test_an_empty_database_has_its_pages(engine: Engine) -> None:
    with TestClient(create_app(engine.url), HERE) as client:
        for path in PAGES:
            if "liked" not in path and "why" not in path:
                assert client.get(path).status_code == (404 if path.startswith("/film") else 200), (
                    path
                )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/film/9999", 404),
        ("/film/x", 422),
        ("/viewer", 422),
        ("/viewer?user_id=42&genre=Comdy", 422),
        ("/try?liked=9999", 404),
        ("/search?year_from=soon", 422),
        ("/nothing", 404),
    ],
)
def test_a_page_that_cannot_be_says_why(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.text.count("<h1>") == 1


@pytest.mark.parametrize("role", ROLES)
def test_the_roles_of_applications_see_every_page(learned_url: URL, role: str) -> None:
    as_role = learned_url.update_query_dict({"options": f"-c role={role}"})
    with TestClient(create_app(as_role), HERE) as client:
        for path in PAGES:
            assert client.get(path).status_code == 200, path
        assert client.get("/healthz").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("title", "letters"),
    [("Seven (a.k.a. Se7en)", "S"), ("The Piano", "TP"), ("(500) Days", "5D"), ("...", ".")],
)
def test_tiles_have_letters(title: str, letters: str) -> None:
    assert initials(title) == letters
