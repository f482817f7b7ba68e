"""The best films of many users at once, by matrix products."""

from __future__ import annotations

import torch
from torch import Tensor

FILMS_A_BLOCK = 4096


def best(
    users: Tensor, films: Tensor, norms: Tensor, rows: Tensor, columns: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    """Return the k best films of each user, those at (rows, columns) left out.

    Parameters
    ----------
    users, films
        ``(n_users, d)`` and ``(n_films, d)``, the films with the largest norm first.
    norms
        ``(n_films,)``: no dot product exceeds ``norm * |user|``, so that the short films need
        not be read for a user whose k best are better than that.

    Returns
    -------
    Tensor, Tensor
        ``(n_users, k)`` dot products, descending, minus infinity where there are too few; and the
        films' places.
    """
    n = len(users)
    scores = torch.full((n, k), -torch.inf)
    places = torch.zeros((n, k), dtype=torch.int64)
    lengths = users.norm(dim=1)
    products = torch.empty(n * FILMS_A_BLOCK)
    for start in range(0, len(films), FILMS_A_BLOCK):
        # The slack is for rounding.
        active = (scores[:, -1] < 1.00001 * lengths * norms[start]).nonzero()[:, 0]  # (n_active,)
        if not len(active):
            break
        block = films[start : start + FILMS_A_BLOCK]
        # Into the same memory each time: fresh memory takes as long as the product itself.
        found = products[: len(active) * len(block)].view(len(active), len(block))
        torch.matmul(users[active], block.T, out=found)
        row_of = torch.full((n,), -1)
        row_of[active] = torch.arange(len(active))
        here = (columns >= start) & (columns < start + len(block)) & (row_of[rows] >= 0)
        found[row_of[rows[here]], columns[here] - start] = -torch.inf
        top, top_places = found.topk(min(k, len(block)))
        merged = torch.cat([scores[active], top], dim=1)
        scores[active], chosen = merged.topk(k)
        places[active] = torch.cat([places[active], top_places + start], dim=1).gather(1, chosen)
    return scores, places
