"""What is known of films, ratings and models, typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from recsys.serving.html import facts
from recsys.settings import posters_folder


@dataclass(frozen=True)
class Movie:
    """What is known of a film.

    Attributes
    ----------
    movie_id
        Its id, as in its source.
    title
        Its title without the year.
    year
        Year of release.
    genres
        Names of its genres, in order.
    imdb_id, tmdb_id
        Its ids there, such as ``tt0114709`` and 862.
    poster_path
        Path or URL of a poster, as its source has it.
    rating_count, rating_mean
        Its ratings at the last load or training: how many, and their mean in stars.
    overview, plot, tagline
        Its texts; None where it has none.
    people
        Names by role, such as ``director``, in the order of the billing.
    keywords
        Keywords of its catalogue, in order.
    """

    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    imdb_id: str | None
    tmdb_id: int | None
    poster_path: str | None
    rating_count: int
    rating_mean: float | None
    overview: str | None
    plot: str | None
    tagline: str | None
    people: dict[str, list[str]]
    keywords: list[str]

    @property
    def poster_url(self) -> str | None:
        """Return where the poster is; None unless ``RECSYS_POSTERS`` names the folder of posters.

        A path is looked for there; an ``http`` or ``https`` URL stays as it is.
        """
        folder = posters_folder()
        if folder is None or not self.poster_path:
            return None
        if self.poster_path.lower().startswith(("http://", "https://")):
            return self.poster_path
        return f"{folder.rstrip('/')}/{quote(self.poster_path.lstrip('/'))}"

    def _repr_html_(self) -> str:
        return facts(vars(self), self.poster_url)


@dataclass(frozen=True)
class Rating:
    """A film that a user has rated.

    Attributes
    ----------
    movie_id, title, year
        The film.
    rating
        Stars, 0.5 to 5.
    rated_at
        When, with a time zone.
    """

    movie_id: int
    title: str
    year: int | None
    rating: float
    rated_at: datetime


@dataclass(frozen=True)
class Mark:
    """What a user said or did about a film, apart from ratings.

    Attributes
    ----------
    movie_id, title, year
        The film.
    kind
        seen, liked, watchlist, hidden, not_now, clicked or played.
    at
        When, with a time zone.
    """

    movie_id: int
    title: str
    year: int | None
    kind: str
    at: datetime


@dataclass(frozen=True)
class Figure:
    """A figure that was measured of a model; the columns of ``recsys_bi.model_metrics``.

    Attributes
    ----------
    measured_at
        When.
    protocol
        ``training``, or how `recsys evaluate` held ratings out.
    method
        ``recommend`` is what SQL answers; the others are parts of it, or baselines.
    metric
        Name of the figure: ndcg, rmse, loss ...
    k
        Length of the lists; None where it is not about lists.
    value
        The figure.
    ci_low, ci_high
        Its 95 % interval over users; None where none was estimated.
    """

    measured_at: datetime
    protocol: str
    method: str
    metric: str
    k: int | None
    value: float
    ci_low: float | None
    ci_high: float | None

    def __str__(self) -> str:
        length = "" if self.k is None else f"@{self.k}"
        return f"{self.method} {self.metric}{length} {self.value:.3f}"


@dataclass(frozen=True)
class ModelVersion:
    """A model, trained or imported; the columns of ``recsys_bi.models``.

    Attributes
    ----------
    model_id
        Its id; later ones are higher.
    algorithm
        How it was made, such as ``ials``.
    active
        Whether it is the one that answers.
    factors
        Length of its vectors.
    regularization, alpha
        Parameters of its training; None where it has none.
    rating_count
        Ratings that it learned from; None for an imported one.
    user_count, movie_count
        Users and films with a vector.
    ranker
        Whether it predicts stars.
    list_order
        What puts its lists in order: learned, plain, popular or retrieval; None: retrieval.
    half_life_days
        Days in which a like comes to count half in popularity; None: all count alike.
    duration_s
        Seconds that its training took.
    created_at, activated_at
        When it was made, and last activated; None if never.
    figures
        What was measured of it, the newest first.
    """

    model_id: int
    algorithm: str
    active: bool
    factors: int
    regularization: float | None
    alpha: float | None
    rating_count: int | None
    user_count: int
    movie_count: int
    ranker: bool
    list_order: str | None
    half_life_days: float | None
    duration_s: float | None
    created_at: datetime
    activated_at: datetime | None
    figures: list[Figure]
