"""How simulated ratings are drawn: who is active, which films they choose, how many stars.

Every viewer is of one of `KINDS` kinds, each of which leans towards some genres and away from
others; films differ in fame and in quality, viewers in activity and in generosity. Fame and
activity are shifted power laws, ``(rank + shift) ** -exponent``, with constants near those of
MovieLens' large sets, where 1 film in 100 draws about half of the ratings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import numpy as np

from recsys.arrays import Ids, Index, Mask, Values, Vectors

KINDS = 16
FIRST_SECOND = 1_451_606_400  # 2016-01-01
LAST_SECOND = 1_704_067_200  # 2024-01-01
LONGEST_SPAN_S = 3 * 365 * 86_400  # from a viewer's first rating to the last
MOST = 2  # a viewer rates 1 film in so many at most, unless the numbers ask for more
DENSE = 0.25  # a viewer of more than this share of all films is drawn film by film
ROUNDS_BY_TASTE = 3


@dataclass(frozen=True)
class Ratings:
    """The ratings of a block of users: the columns of a batch."""

    user_id: Index
    movie_id: Index
    rating: Vectors
    rated_at: Values


@dataclass(frozen=True)
class Films:
    """What a draw needs to know about the films.

    Attributes
    ----------
    weight
        ``(KINDS, movies)``: how likely a viewer of a kind is to choose a film.
    slots
        ``(KINDS, n)`` int32, n a power of two: every film in proportion to its weight, so that
        one random number and one look-up draw a film.
    anywhere
        The share of choices made regardless of fame and taste; keeps the tail alive.
    stars
        ``(KINDS, movies)``: what a viewer of a kind gives, before the viewer's own part.
    """

    weight: Values
    slots: Ids
    anywhere: float
    stars: Vectors

    @classmethod
    def draw(cls, genres: Mask, ratings: int, generator: np.random.Generator) -> Films:
        """Draw fame, quality and the tastes of the kinds."""
        movies = len(genres)
        leaning = generator.normal(0, 1, (KINDS, genres.shape[1]))
        taste = leaning @ genres.T / np.sqrt(genres.sum(axis=1))  # (KINDS, movies), variance 1
        quality = generator.normal(0, 0.4, movies)
        # Good films tend to be famous.
        order = np.argsort(-quality - generator.normal(0, 0.6, movies))
        fame = np.empty(movies)
        fame[order] = (np.arange(movies) + 1 + 0.005 * movies) ** -1.6
        weight = fame * np.exp(1.2 * taste)
        weight /= weight.sum(axis=1, keepdims=True)
        anywhere = min(0.3, 5 * movies / ratings)  # 5 ratings a film, if there are enough
        size = 1 << min(max(int(4 * movies).bit_length(), 12), 22)
        slots = np.empty((KINDS, size), dtype=np.int32)
        for kind in range(KINDS):
            ends = np.rint(weight[kind].cumsum() * size).astype(np.int64)
            slots[kind] = np.repeat(np.arange(movies, dtype=np.int32), np.diff(ends, prepend=0))
        return cls(
            weight=(1 - anywhere) * weight + anywhere / movies,
            slots=slots,
            anywhere=anywhere,
            stars=(3.1 + quality + 0.6 * taste).astype(np.float32),
        )

    @property
    def movies(self) -> int:
        """How many films there are."""
        return len(self.weight[0])

    def choose(self, kind: Index, generator: np.random.Generator) -> Index:
        """Draw a film index for each viewer's kind, with replacement."""
        bits = generator.integers(0, 1 << 62, len(kind))
        size = self.slots.shape[1]
        film: Index = self.slots.ravel().take(kind * size + (bits & (size - 1))).astype(np.int64)
        rest = bits >> 22  # 40 bits that chose no slot
        elsewhere = np.flatnonzero(rest < self.anywhere * (1 << 40))
        film[elsewhere] = generator.integers(0, self.movies, len(elsewhere))
        return film


def draw_genres(movies: int, genres: int, generator: np.random.Generator) -> Mask:
    """Draw 1 to 3 genres a film, ``(movies, genres)``; some genres are commoner than others."""
    chance = generator.permutation(np.linspace(1, 7, genres))
    number = generator.integers(1, 4, movies)
    found = np.zeros((movies, genres), dtype=np.bool_)
    for drawn in range(3):
        # The same genre drawn twice stands once, so one genre is likelier than three.
        genre = generator.choice(genres, movies, p=chance / chance.sum())
        found[np.arange(movies), genre] |= number > drawn
    return found


def activity(users: int, movies: int, ratings: int, generator: np.random.Generator) -> Index:
    """Return how many films each user rates: a power law from 1 on, of the exact sum."""
    share = (np.arange(users) + 1 + 0.0005 * users) ** -0.75
    most = min(movies, max(movies // MOST, 2 * math.ceil(ratings / users)))

    def counts(scale: float) -> Index:
        wanted: Index = np.minimum(1 + scale * share, most).astype(np.int64)
        return wanted

    low, high = 0.0, most / share[-1]
    found = counts(low)
    for _ in range(100):
        if ratings - found.sum() <= users // 100:  # one more for so few users shows nowhere
            break
        middle = (low + high) / 2
        tried = counts(middle)
        if tried.sum() <= ratings:
            low, found = middle, tried
        else:
            high = middle
    while rest := ratings - int(found.sum()):
        found[np.flatnonzero(found < most)[:rest]] += 1
    return found[generator.permutation(users)]


def rate(films: Films, first: int, counts: Index, generator: np.random.Generator) -> Ratings:
    """Make the ratings of the users from index `first` on, `counts` of them each."""
    users = len(counts)
    kind = generator.integers(0, KINDS, users)
    generosity = generator.normal(0, 0.35, users).astype(np.float32)
    span = np.minimum(generator.exponential(120 * 86_400, users) + 3600, LONGEST_SPAN_S)
    start = FIRST_SECOND + generator.random(users) * (LAST_SECOND - FIRST_SECOND - span)
    film = _watched(films, kind, counts, generator)
    n = len(film)
    stars = films.stars.ravel().take(np.repeat(kind * films.movies, counts) + film)
    stars += np.repeat(generosity, counts)
    stars += 0.5 * generator.standard_normal(n, dtype=np.float32)
    moment = generator.random(n, dtype=np.float32)
    return Ratings(
        user_id=np.repeat(np.arange(first + 1, first + users + 1), counts),
        movie_id=film + 1,
        rating=(np.clip(np.rint(2 * stars), 1, 10) / 2).astype(np.float32, copy=False),
        rated_at=np.floor(np.repeat(start, counts) + np.repeat(span, counts) * moment),
    )


def _watched(films: Films, kind: Index, counts: Index, generator: np.random.Generator) -> Index:
    """Draw which films each user rates: film indices ordered by user and film, no pair twice."""
    shift = films.movies.bit_length()  # keys are user << shift | film
    dense = counts > DENSE * films.movies
    parts = []
    for draw, chosen in ((_pick, np.flatnonzero(dense)), (_toss, np.flatnonzero(~dense))):
        if len(chosen):
            user, film = draw(films, kind[chosen], counts[chosen], generator)
            parts.append(chosen[user] << shift | film)
    keys = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
    return keys & ((1 << shift) - 1)


def _pick(
    films: Films, kind: Index, counts: Index, generator: np.random.Generator
) -> tuple[Index, Index]:
    """Draw without replacement: the films whose exponential clocks, at rates by weight, ring first.

    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006). Work and memory
    are those of all films for every user.
    """
    clock = generator.standard_exponential((len(kind), films.movies)) / films.weight[kind]
    last = np.sort(clock, axis=1)[np.arange(len(kind)), counts - 1]
    user, film = np.nonzero(clock <= last[:, None])
    return user.astype(np.int64), film.astype(np.int64)


def _toss(
    films: Films, kind: Index, counts: Index, generator: np.random.Generator
) -> tuple[Index, Index]:
    """Draw with replacement until all users have enough different films; drop the surplus."""
    shift = films.movies.bit_length()
    users = np.arange(len(kind))
    keys = np.empty(0, dtype=np.int64)
    have = np.zeros_like(counts)
    for number in count():
        short = np.flatnonzero(have < counts)
        if not len(short):
            break
        missing = (counts - have)[short]
        user = np.repeat(short, missing + missing // 8 + 1)
        # A heavy viewer has soon seen all famous films, so the last few are any films.
        if number < ROUNDS_BY_TASTE:
            film = films.choose(kind[user], generator)
        else:
            film = generator.integers(0, films.movies, len(user))
        keys = np.sort(np.concatenate([keys, user << shift | film]))
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
        have = np.diff(np.searchsorted(keys, np.append(users, len(users)) << shift))
    # Of a user's `have` films keep `counts`, evenly spaced from a random one on.
    offset = (generator.random(len(users)) * have).astype(np.int64)
    place = np.arange(len(keys)) + np.repeat(offset - (have.cumsum() - have), have)
    wanted, total = np.repeat(counts, have), np.repeat(have, have)
    keys = keys[(place + 1) * wanted // total > place * wanted // total]
    return keys >> shift, keys & ((1 << shift) - 1)
