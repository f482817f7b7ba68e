"""A movie recommender that lives in PostgreSQL."""

from importlib import import_module
from typing import TYPE_CHECKING

from recsys.errors import (
    DatabaseError,
    DatabaseOutOfDate,
    DatabaseTimeout,
    DatabaseUnreachable,
    DatabaseUnsupported,
    EmbeddedServerError,
    EncoderError,
    EvaluationError,
    InvalidRequest,
    RecsysError,
    SourceError,
    TrainingError,
    UnknownGenre,
    UnknownModel,
    UnknownMovie,
)

if TYPE_CHECKING:
    from recsys.serving.answers import (
        Answers,
        Explanation,
        PlotMatch,
        PredictedGenre,
        RankedUser,
        Recommendation,
        ScoredMovie,
        SimilarMovie,
        TitleMatch,
    )
    from recsys.serving.recommender import AsyncRecommender, Recommender
    from recsys.serving.records import Figure, Mark, ModelVersion, Movie, Rating
else:  # of type checkers it would hide misspelled names
    HOMES = {
        **dict.fromkeys(("AsyncRecommender", "Recommender"), "recommender"),
        **dict.fromkeys(("Figure", "Mark", "ModelVersion", "Movie", "Rating"), "records"),
    }

    def __getattr__(name: str) -> object:
        """Import what serves when it is first asked for: SQLAlchemy takes half a second."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = HOMES.get(name, "answers")
        found = globals()[name] = getattr(import_module(f"recsys.serving.{home}"), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Answers",
    "AsyncRecommender",
    "DatabaseError",
    "DatabaseOutOfDate",
    "DatabaseTimeout",
    "DatabaseUnreachable",
    "DatabaseUnsupported",
    "EmbeddedServerError",
    "EncoderError",
    "EvaluationError",
    "Explanation",
    "Figure",
    "InvalidRequest",
    "Mark",
    "ModelVersion",
    "Movie",
    "PlotMatch",
    "PredictedGenre",
    "RankedUser",
    "Rating",
    "Recommendation",
    "Recommender",
    "RecsysError",
    "ScoredMovie",
    "SimilarMovie",
    "SourceError",
    "TitleMatch",
    "TrainingError",
    "UnknownGenre",
    "UnknownModel",
    "UnknownMovie",
]
