"""A movie recommender that lives in PostgreSQL."""

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
