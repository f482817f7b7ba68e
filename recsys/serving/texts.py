"""The functions that read titles and plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from recsys.serving.answers import Answers, PlotMatch, PredictedGenre, TitleMatch
from recsys.serving.statements import Filters, Question, call

if TYPE_CHECKING:
    from recsys.arrays import Vectors


class Texts:
    """Films by their titles and plots, and genres of plots."""

    def search_titles(
        self, query: str, k: int = 10, *, include_adult: bool = False
    ) -> Question[Answers[TitleMatch]]:
        """Return the k films whose titles are most like the query.

        Parameters
        ----------
        query
            A title, or some of its words; typos are forgiven.
        k
            Length of the list.
        include_adult
            Films for adults alone may be answered, too.

        Raises
        ------
        InvalidRequest
            The query is empty, or k is below 1.
        """
        return call(TitleMatch, "search_titles", query=query, k=k, include_adult=include_adult)

    def search_plots(
        self,
        query: str,
        k: int = 10,
        *,
        keyword_weight: float | None = None,
        title_weight: float | None = None,
        genre_weight: float | None = None,
        embedding: Sequence[float] | Vectors | None = None,
        encoder: str = "terms",
        distance: str = "cosine",
        **filters: Unpack[Filters],
    ) -> Question[Answers[PlotMatch]]:
        """Return the k films whose plots are most like the query, in any words.

        Parameters
        ----------
        query
            A plot in any words.
        k
            Length of the list.
        keyword_weight, title_weight, genre_weight
            How much keywords and tags (0.2), titles (0) and names of genres (0) count, compared
            with the plot (1).
        embedding
            The query's vector by the encoder, where that is not ``terms``.
        encoder, distance
            Which text vectors are compared, and how: ``cosine``, ``dot`` or
            ``euclidean``.
        **filters
            Which films may be answered; see `Filters`.

        Raises
        ------
        InvalidRequest
            The query is empty or has no word of any film's text, a genre, the encoder or the
            distance is unknown, the vector does not fit the encoder, or k is below 1.
        """
        return call(
            PlotMatch,
            "search_plots",
            filters,
            query=query,
            k=k,
            keyword_weight=keyword_weight,
            title_weight=title_weight,
            genre_weight=genre_weight,
            embedding=embedding,
            encoder=encoder,
            distance=distance,
        )

    def predict_genres(
        self, plot: str, threshold: float | None = None
    ) -> Question[Answers[PredictedGenre]]:
        """Return the genres of a plot, the likeliest first.

        Parameters
        ----------
        plot
            The text.
        threshold
            Least probability; None for each genre's own.

        Raises
        ------
        InvalidRequest
            The plot is empty or has no word that is known, or the threshold is not in 0 to 1.
        """
        return call(PredictedGenre, "predict_genres", plot=plot, threshold=threshold)

    def predict_movie_genres(
        self, movie_id: int, threshold: float | None = None, encoder: str = "terms"
    ) -> Question[Answers[PredictedGenre]]:
        """Return the genres of a film by its text's vector, listed or not; none without a text.

        Parameters
        ----------
        movie_id
            The film.
        threshold
            Least probability; None for each genre's own.
        encoder
            Which text vectors are read.

        Raises
        ------
        InvalidRequest
            The film or the encoder is unknown, or the threshold is not in 0 to 1.
        """
        return call(
            PredictedGenre,
            "predict_movie_genres",
            movie_id=movie_id,
            threshold=threshold,
            encoder=encoder,
        )
