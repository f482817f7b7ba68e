"""A movie recommender that lives in PostgreSQL."""

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
from recsys.recommender import Answers, Recommendation, Recommender, SimilarMovie, TitleMatch

__all__ = [
    "Answers",
    "DatabaseError",
    "DatabaseOutOfDate",
    "DatabaseUnreachable",
    "DatabaseUnsupported",
    "EmbeddedServerError",
    "InvalidRequest",
    "Recommendation",
    "Recommender",
    "RecsysError",
    "SimilarMovie",
    "SourceError",
    "TitleMatch",
    "TrainingError",
]
