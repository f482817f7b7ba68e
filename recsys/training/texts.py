"""Learning from the films' texts: weights and vectors of their terms, a classifier of genres."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine

from recsys.database.errors import reported_errors
from recsys.errors import TrainingError
from recsys.learning.encoders import LEXICON
from recsys.models.content import refresh_content
from recsys.models.genres import learn_classifier
from recsys.models.terms import learn_terms
from recsys.progress import Progress, silent


class LearnedTexts(NamedTuple):
    """What was learned, now or before.

    ``genres`` has the figures of the classifier; None where too few films list genres.
    """

    encoder_id: int
    films: int
    terms: int
    genres: dict[str, Any] | None


def learn_texts(engine: Engine, progress: Progress = silent) -> LearnedTexts | None:
    """Learn from the films' texts and genres, unless the same ones were learned from before.

    It takes effect whole or not at all: until then, what was learned before answers.

    Parameters
    ----------
    progress
        Told of two steps: ``texts``, then ``genres``, as in `learn_genres`.

    Returns
    -------
    LearnedTexts or None
        None where no film has a text.
    """
    progress("texts", 0)
    with reported_errors(), engine.begin() as connection:
        encoder_id = learn_terms(connection)
        if encoder_id is None:
            return None
        genres: dict[str, Any] | None
        try:
            genres = learn_classifier(connection, LEXICON, progress=progress)
        except TrainingError:
            genres = None
        films, terms = connection.exec_driver_sql(
            "select (select count(*) from recsys.movie_text_vectors v where v.encoder_id = e.id),"
            " (select count(*) from recsys.text_terms t where t.encoder_id = e.id)"
            " from (select %s::bigint as id) e",
            (encoder_id,),
        ).one()
    with reported_errors():
        refresh_content(engine)  # titles, keywords and tags, too: they may be new
    return LearnedTexts(encoder_id, films, terms, genres)
