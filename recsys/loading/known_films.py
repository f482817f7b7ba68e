"""The films that rows may refer to: those here, or any, where ratings come alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Index
from recsys.database.copy import read_columns
from recsys.loading.catalogues import INVENTED
from recsys.loading.keys import Keys
from recsys.loading.staging import copy_rows
from recsys.sources.batches import Batch, Reject

NO_FILM = "no such film"


class KnownFilms:
    """The ids of the films here.

    Parameters
    ----------
    keys
        Number the films whose ids are no numbers.
    invents
        Whether unknown films are entered under their ids, if there are none yet.
    """

    def __init__(self, connection: Connection, keys: Keys, invents: bool) -> None:
        self.connection = connection
        self.keys = keys
        query = "select movie_id from recsys.movies"
        self.ids: Index = read_columns(connection, query, movie_id="i8")["movie_id"]
        self.invents = invents and len(self.ids) == 0
        self.invented = 0

    def keep(self, batch: Batch) -> Batch:
        """Return a batch of rows that refer to films; those of unknown films are refused."""
        batch = self.keys.number_movies(batch, new=self.invents)
        asked: Index = batch.rows["movie_id"].to_numpy(np.int64)
        if self.invents:
            self._invent(np.setdiff1d(asked, self.ids))
        unknown = ~np.isin(asked, self.ids)
        if not unknown.any():
            return batch
        raw = batch.raw or (lambda place: "")
        lines = batch.rows["line"].to_numpy()
        rejects = [
            Reject(batch.file, int(lines[place]), NO_FILM, raw(int(place)))
            for place in unknown.nonzero()[0]
        ]
        return replace(batch, rows=batch.rows[~unknown], rejects=batch.rejects + rejects)

    def _invent(self, new: Index) -> None:
        keys = self.keys.waiting
        rows = ((id_, keys.get(id_) or INVENTED.format(id_)) for id_ in new.tolist())
        copy_rows(self.connection, "recsys.movies (movie_id, title)", rows)
        self.keys.write_movies()
        self.ids = np.concatenate([self.ids, new])
        self.invented += len(new)
