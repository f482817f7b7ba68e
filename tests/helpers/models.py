"""A model of given vectors."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from recsys.models.vectors import TrainedModel


def a_model(users: np.ndarray, movies: np.ndarray) -> TrainedModel:
    return TrainedModel(
        algorithm="test",
        user_ids=np.arange(1, len(users) + 1, dtype=np.int64),
        movie_ids=np.arange(1, len(movies) + 1, dtype=np.int64),
        users=users.astype(np.float32),
        movies=movies.astype(np.float32),
        parameters={},
        data={},
        versions={},
        metrics={},
        duration=timedelta(seconds=1),
    )
