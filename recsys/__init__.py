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
else:  # of type checkers it would hide misspelled names

    def __getattr__(name: str) -> object:
        """Import what serves when it is first asked for: SQLAlchemy takes half a second."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = "recommender" if name.endswith("Recommender") else "answers"
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
    "InvalidRequest",
    "PlotMatch",
    "PredictedGenre",
    "RankedUser",
    "Recommendation",
    "Recommender",
    "RecsysError",
    "ScoredMovie",
    "SimilarMovie",
    "SourceError",
    "TitleMatch",
    "TrainingError",
]
