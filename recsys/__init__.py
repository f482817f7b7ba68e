"""A movie recommender that lives in PostgreSQL."""

from recsys.answers import (
    Answers,
    Explanation,
    PlotMatch,
    PredictedGenre,
    Recommendation,
    ScoredMovie,
    SimilarMovie,
    TitleMatch,
)
from recsys.errors import (
    DatabaseError,
    DatabaseOutOfDate,
    DatabaseUnreachable,
    DatabaseUnsupported,
    EmbeddedServerError,
    InvalidRequest,
    RecsysError,
    SourceError,
    TrainingError,
)
from recsys.recommender import Recommender

__all__ = [
    "Answers",
    "DatabaseError",
    "DatabaseOutOfDate",
    "DatabaseUnreachable",
    "DatabaseUnsupported",
    "EmbeddedServerError",
    "Explanation",
    "InvalidRequest",
    "PlotMatch",
    "PredictedGenre",
    "Recommendation",
    "Recommender",
    "RecsysError",
    "ScoredMovie",
    "SimilarMovie",
    "SourceError",
    "TitleMatch",
    "TrainingError",
]
