"""Who may ask, from where, and what a browser may do with the answer."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, Connection, Engine
from starlette.testclient import TestClient

from recsys import InvalidRequest
from recsys.web.access import Access, is_loopback
from recsys.web.app import create_app
from tests.helpers.web import HERE

PAGES = ["/", "/viewer?user_id=42", "/film/7"]
WRITES = [
    ("PUT", "/api/v1/users/42/ratings/33", {"json": {"rating": 5}}),
    ("DELETE", "/api/v1/users/42/ratings/98", {}),
    ("PUT", "/api/v1/users/42/marks/seen/33", {}),
    ("DELETE", "/api/v1/users/42/marks/seen/33", {}),
    ("PUT", "/api/v1/movies/33/withdrawal", {}),
    ("DELETE", "/api/v1/movies/33/withdrawal", {}),
    ("POST", "/ratings", {"content": "user_id=42&movie_id=33&rating=5"}),
]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "127.8.9.1"])
def test_a_loopback_address_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    assert Access(host).read_only


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_any_other_address_needs_one(host: str) -> None:
    with pytest.raises(InvalidRequest, match="--api-key"):
        Access(host)
    with pytest.raises(InvalidRequest, match="--api-key"):
        Access(host, api_key="")
    Access(host, api_key="secret")


def test_an_empty_key_is_none(learned_url: URL) -> None:
    with TestClient(create_app(learned_url, Access(api_key="")), HERE) as client:
        assert client.get("/api/v1/popular").status_code == 200
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


def test_all_but_the_health_needs_the_key(learned_url: URL) -> None:
    with TestClient(create_app(learned_url, Access("0.0.0.0", api_key="sécret")), HERE) as client:
        assert client.get("/healthz").status_code == 200
        for path in ["/", "/metrics", "/api/v1/popular", "/static/recsys.css", "/nothing"]:
            refused = client.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
        for wrong in ("Bearer secret", "Bearer ", "Basic x", "Digest sécret", ""):
            headers = {b"Authorization": wrong.encode()}
            assert client.get("/api/v1/popular", headers=headers).status_code == 401
        right = {b"Authorization": "Bearer sécret".encode()}
        assert client.get("/api/v1/popular", headers=right).status_code == 200
        assert client.get("/", auth=("anyone", "sécret")).status_code == 200
        assert client.get("/", auth=("sécret", "")).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_a_name_that_leads_here_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 403
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
    ],
)
def test_another_sites_page_may_not_write(writer: TestClient, headers: dict[str, str]) -> None:
    for method, path, body in WRITES:
        assert writer.request(method, path, headers=headers, **body).status_code == 403  # type: ignore[arg-type]
    assert writer.get("/api/v1/popular", headers=headers).status_code == 200


def test_ones_own_page_may(writer: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": HERE}
    for method, path, body in WRITES:
        answer = writer.request(method, path, headers=headers, follow_redirects=False, **body)  # type: ignore[arg-type]
        assert answer.status_code in (204, 303)


def table(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(
        f"select count(*), sum(hashtext(t::text)) from recsys.{name} t"
    ).one()


@pytest.mark.parametrize(
    "access", [Access(), Access(ratings=True), Access(admin=True)], ids=["none", "ratings", "admin"]
)
def test_nothing_is_written_without_the_flag(learned_engine: Engine, access: Access) -> None:
    guarded = {"movies": access.admin, "ratings": access.ratings, "feedback": access.ratings}
    with learned_engine.connect() as connection:
        before = {name: table(connection, name) for name in guarded}
        with TestClient(create_app(learned_engine.url, access), HERE) as client:
            for method, path, body in WRITES:
                allowed = access.admin if "withdrawal" in path else access.ratings
                answer = client.request(method, path, follow_redirects=False, **body)  # type: ignore[arg-type]
                assert (answer.status_code != 403) is allowed
                assert allowed or "--allow-" in answer.text
        after = {name: table(connection, name) for name in guarded}
    assert {name for name in guarded if after[name] != before[name]} <= {
        name for name, allowed in guarded.items() if allowed
    }


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/popular", "/static/recsys.css", "/nothing"])
def test_a_browser_runs_no_script_but_ours(client: TestClient, path: str) -> None:
    answer = client.get(path)
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert " style=" not in answer.text
    assert " on" not in {part[:3] for part in answer.text.split("<") if "=" in part}


def test_posters_may_come_from_their_address_alone(learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.movies set poster_path = '/a.jpg' where movie_id = 7"
        )
    posters = "https://images.example/t/p/w342/"
    with TestClient(create_app(learned_engine.url, posters=posters), HERE) as client:
        page = client.get("/film/7")
        assert "img-src 'self' https://images.example;" in page.headers["content-security-policy"]
        assert 'src="https://images.example/t/p/w342/a.jpg"' in page.text
        assert "<img" not in client.get("/film/8").text.split("</article>")[0]
    with TestClient(create_app(learned_engine.url), HERE) as client:
        assert "<img" not in client.get("/film/7").text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
        "/static/templates/base.html",
    ],
)
def test_no_file_but_the_static_ones(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_one_goes_back_to_ones_own_pages_alone(writer: TestClient) -> None:
    for here in ("https://evil.example/", "//evil.example", "/\\evil.example", ""):
        form = {"user_id": "42", "movie_id": "33", "rating": "4", "here": here}
        answer = writer.post("/ratings", data=form, follow_redirects=False)
        assert answer.headers["location"] == "/viewer?user_id=42&rated=33"
