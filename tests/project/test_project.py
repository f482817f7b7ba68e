"""The project itself: import layers, what importing costs, the public names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import recsys
from recsys import Recommender
from recsys.settings import Settings

ROOT = Path(__file__).parents[2]


def test_import_layers() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_importing_recsys_imports_no_torch() -> None:
    code = "import sys, recsys; print(sorted({'torch', 'pandas', 'alembic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_only_lists_models_imports_no_learner() -> None:
    code = "import sys, recsys.cli.models, recsys.models.versions; print({'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_public_names() -> None:
    assert all(hasattr(recsys, name) for name in recsys.__all__)
    assert recsys.__all__ == sorted(recsys.__all__)


def test_alembic_folder_does_not_shadow_the_library() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_recommender(settings: Settings, server_url: object, sample_name: str) -> None:
    from sqlalchemy import URL

    assert isinstance(server_url, URL)
    url = server_url.set(database=sample_name).render_as_string(hide_password=False)
    with Recommender(url) as recommender:
        films = recommender.recommend(42, k=3, genres=["Comedy"], exclude_movies=[])
        assert [film.rank for film in films] == [1, 2, 3]
        assert all("Comedy" in film.genres for film in films)
        frame = films.to_frame()
        assert frame["title"].tolist() == [film.title for film in films]
        film = recommender.search_titles("the matirx", k=1)[0]
        assert film.title == "The Matrix"
        assert len(recommender.similar_movies(film.movie_id, 5)) == 5
        with pytest.raises(recsys.InvalidRequest, match="Comdy"):
            recommender.recommend(42, genres=["Comdy"])
