"""Answers as lists, dicts, frames and tables in notebooks; what their documentation tells."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

import recsys
from recsys import Answers, Movie, Rating, Recommendation, Recommender
from recsys.serving.answers import DTYPES
from recsys.serving.questions import Questions

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "&lt;b&gt; & </td></table>",
    "\u202eעברית <b>",
]
ROWS = {name: kind for name in recsys.__all__ if is_dataclass(kind := getattr(recsys, name))}


def film(rank: int, title: str = "Up", **other: Any) -> Recommendation:
    known = {
        "movie_id": 7, "year": None, "genres": ["Drama", "War"], "score": 0.5,
        "predicted_rating": None, "source": "live", "because_movie_id": None,
        "because_title": None, "model_id": None,
    }  # fmt: skip
    return Recommendation(**{**known, "rank": rank, "title": title, **other})


def movie(**other: Any) -> Movie:
    known = {
        "movie_id": 1, "title": "Up", "year": 2009, "genres": [], "imdb_id": None, "tmdb_id": None,
        "poster_path": "/a b.jpg", "rating_count": 0, "rating_mean": None, "overview": None,
        "plot": None, "tagline": None, "people": {"actor": ["A", "B"]}, "keywords": [],
    }  # fmt: skip
    return Movie(**{**known, **other})


class Page(HTMLParser):
    """What a browser makes of a page: its tags, and the texts of its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.sources: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
        if tag == "img":
            self.sources.append(dict(attrs)["src"])

    def handle_data(self, data: str) -> None:
        self.cells[-1] += data


def test_a_part_of_answers_is_answers() -> None:
    answers = Answers(Recommendation, [film(1), film(2), film(3)])
    for part in (answers[:2], answers[::-1], answers[5:]):
        assert isinstance(part, Answers)
        assert list(part.to_frame()) == [field.name for field in fields(Recommendation)]
    assert answers[::-1] == [film(3), film(2), film(1)]
    assert answers[-1] == film(3)
    for again in (pickle.loads(pickle.dumps(answers)), copy.copy(answers), copy.deepcopy(answers)):
        assert again == answers
        assert again[:1].to_dicts() == answers.to_dicts()[:1]


def test_dicts_have_the_fields() -> None:
    assert Answers(Recommendation, [film(1)]).to_dicts() == [vars(film(1))]
    assert Answers(Recommendation, []).to_dicts() == []


@pytest.mark.parametrize("kind", ROWS.values(), ids=ROWS)
def test_every_type_of_a_field_has_a_type_in_frames(kind: Any) -> None:
    for field in fields(kind):
        assert field.type in DTYPES or str(field.type).startswith(("list[", "dict["))
    frame = Answers(kind, []).to_frame()
    assert list(frame) == [field.name for field in fields(kind)]


def test_types_are_the_same_whatever_is_missing() -> None:
    full = film(2, year=1999, predicted_rating=4.5, because_movie_id=2**62 + 1, because_title="X")
    lists: tuple[list[Recommendation], ...] = ([film(1)], [full], [film(1), full], [])
    frames = [Answers(Recommendation, rows).to_frame() for rows in lists]
    for frame in frames:
        assert frame.dtypes.astype(str).to_dict() == {
            "rank": "Int64",
            "movie_id": "Int64",
            "title": "string",
            "year": "Int64",
            "genres": "object",
            "score": "float64",
            "predicted_rating": "Float64",
            "source": "string",
            "because_movie_id": "Int64",
            "because_title": "string",
            "model_id": "Int64",
            "variant": "string",
        }
    both = frames[2]
    assert both["because_movie_id"][1] == 2**62 + 1  # a float has no such number
    assert both["year"][0] is pd.NA
    assert both["genres"].tolist() == [["Drama", "War"]] * 2
    pd.testing.assert_frame_equal(
        both, pd.concat([frames[0], frames[1]], ignore_index=True), check_dtype=True
    )


def test_times_in_frames_are_utc() -> None:
    at = datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    early = datetime(1, 1, 2, tzinfo=UTC)
    rows = [Rating(1, "Up", None, 4.5, at), Rating(2, "Up", None, 4.5, early)]
    frame = Answers(Rating, rows).to_frame()
    assert str(frame["rated_at"].dtype) == "datetime64[us, UTC]"
    assert frame["rated_at"][0] == at
    assert str(Answers(Rating, []).to_frame()["rated_at"].dtype) == "datetime64[us, UTC]"


def test_a_table_has_the_rows_as_texts() -> None:
    answers = Answers(Recommendation, [film(1, title) for title in HOSTILE])
    page = Page(answers._repr_html_())
    head = ["rank", "movie_id", "title", "genres", "score", "source"]  # without the empty columns
    assert page.cells == [
        *head,
        *(cell for title in HOSTILE for cell in ("1", "7", title, "Drama, War", "0.500", "live")),
    ]
    assert {*page.tags} == {"table", "thead", "tbody", "tr", "th", "td", "bdi"}


def test_a_long_table_is_cut() -> None:
    answers = Answers(Recommendation, [film(rank, "x" * 500) for rank in range(1, 1061)])
    page = answers._repr_html_()
    assert page.count("<tr>") == 51
    assert page.endswith("<p>1,010 more</p>")
    assert "x" * 81 not in page
    assert Answers(Recommendation, [])._repr_html_() == "<p>no rows</p>"


def test_posters_come_only_with_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = '"><script>x</script>'
    movies = Answers(
        Movie,
        [
            movie(),
            movie(poster_path=None),
            movie(poster_path="https://x.example/1.jpg"),
            movie(poster_path=hostile),
            movie(poster_path="javascript:alert(1)"),
            movie(poster_path="http://x.example/" + hostile),
        ],
    )
    monkeypatch.delenv("RECSYS_POSTERS", raising=False)
    assert {one.poster_url for one in movies} == {None}
    assert Page(movies._repr_html_()).sources == []
    assert Page(movies[0]._repr_html_()).sources == []
    monkeypatch.setenv("RECSYS_POSTERS", "https://images.example/w92/")
    urls = [
        "https://images.example/w92/a%20b.jpg",
        "https://x.example/1.jpg",
        "https://images.example/w92/%22%3E%3Cscript%3Ex%3C/script%3E",
        "https://images.example/w92/javascript%3Aalert%281%29",
        "http://x.example/" + hostile,
    ]
    assert [one.poster_url for one in movies if one.poster_path] == urls
    page = Page(movies._repr_html_())
    assert page.sources == urls
    assert "script" not in page.tags
    assert Page(movies[0]._repr_html_()).sources == urls[:1]


def test_a_film_is_a_table_of_facts() -> None:
    page = Page(movie(title=HOSTILE[0], overview=HOSTILE[1])._repr_html_())
    shown = dict(zip(page.cells[::2], page.cells[1::2], strict=True))
    assert shown["title"] == HOSTILE[0]
    assert shown["overview"] == HOSTILE[1]
    assert shown["people"] == "actor: A, B"
    assert {*page.tags} <= {"table", "tbody", "tr", "th", "td", "bdi"}


def test_a_client_is_shown_without_its_password(engine: Engine) -> None:
    url = engine.url.set(drivername="postgresql", password="se<b>cret")
    with Recommender(url.render_as_string(hide_password=False)) as recommender:
        page = recommender._repr_html_()
    assert str(engine.url.database) in page
    assert "cret" not in page
    assert ">open<" in page
    assert ">closed<" in recommender._repr_html_()


def section(doc: str, title: str) -> set[str]:
    """The names that a section of a docstring explains."""
    found = re.search(rf"{title}\n-+\n(.*?)(?:\n\n[A-Z]|\Z)", inspect.cleandoc(doc), re.DOTALL)
    lines = found[1].splitlines() if found else []
    return {name for line in lines if line[:1].strip() for name in re.split(", ?", line)}


@pytest.mark.parametrize("name", [name for name in dir(Questions) if not name.startswith("_")])
def test_every_argument_is_explained(name: str) -> None:
    method = getattr(Questions, name)
    named = {
        f"**{one}" if one == "filters" else one
        for one in inspect.signature(method).parameters
        if one != "self"
    }
    assert section(method.__doc__, "Parameters") == named


@pytest.mark.parametrize("kind", ROWS.values(), ids=ROWS)
def test_every_field_is_explained(kind: Any) -> None:
    assert section(kind.__doc__, "Attributes") == {field.name for field in fields(kind)}
