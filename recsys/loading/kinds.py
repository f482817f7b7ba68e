"""The kinds of rows of a load, each declared once: what it writes, and how."""

from __future__ import annotations

from recsys.loading import entries, films
from recsys.loading.staging import Kind
from recsys.sources.batches import PARTS

MERGE_LINKS = """
update recsys.movies m set imdb_id = coalesce(s.imdb_id, m.imdb_id),
    tmdb_id = coalesce(s.tmdb_id, m.tmdb_id)
from stage_links s
join recsys.movies before on before.movie_id = s.movie_id
where m.movie_id = s.movie_id
  and (m.imdb_id, m.tmdb_id) is distinct from
    (coalesce(s.imdb_id, m.imdb_id), coalesce(s.tmdb_id, m.tmdb_id))
returning before.imdb_id is null and before.tmdb_id is null as is_new
"""
# Of a row that was written, xmax is 0 if it is new.
MERGE_USERS = """
insert into recsys.users as u (user_id, gender, age, occupation, postal_code)
select user_id, gender, age, occupation, postal_code from stage_users order by user_id
on conflict (user_id) do update set gender = excluded.gender, age = excluded.age,
    occupation = excluded.occupation, postal_code = excluded.postal_code
where (u.gender, u.age, u.occupation, u.postal_code) is distinct from
    (excluded.gender, excluded.age, excluded.occupation, excluded.postal_code)
returning xmax = 0 as is_new
"""
MERGE_TAGS = """
insert into recsys.tags as t (user_id, movie_id, tag, tagged_at)
select user_id, movie_id, tag,
    coalesce(to_timestamp(nullif(rated_at, 'NaN')), transaction_timestamp())
from stage_tags order by user_id, movie_id, tag
on conflict (user_id, movie_id, tag) do update set tagged_at = excluded.tagged_at
where excluded.tagged_at > t.tagged_at and excluded.tagged_at < transaction_timestamp()
returning xmax = 0 as is_new
"""

KINDS: dict[str, Kind] = {
    "movies": Kind(
        writes=("movies", "genres", "people", *PARTS),
        stages=("movies", *PARTS),
        key="movie_id",
        merge=films.MERGE_MOVIES,
    ),
    # One film may be described by several files, in different respects.
    "descriptions": Kind(
        writes=("movies", "people", "movie_people", "movie_texts", "movie_keywords"),
        stages=("movies", *PARTS),
        key="file, movie_id",
        order="array_position(array['imdb_id', 'tmdb_id', 'title and year'], joined_by), line desc",
        joins=films.KEYS,
        merge=films.MERGE_DESCRIPTIONS,
    ),
    "links": Kind(
        writes=("movies",), of_films=True, stages=("links",), key="movie_id", merge=(MERGE_LINKS,)
    ),
    "users": Kind(writes=("users",), stages=("users",), key="user_id", merge=(MERGE_USERS,)),
    "ratings": Kind(writes=("ratings",), of_films=True),  # by a `RatingWriter`
    # Their films are found by ids, or title and year.
    "entries": Kind(
        writes=("ratings", "feedback"),
        stages=("entries",),
        key="user_id, movie_id, status",
        order="nullif(rated_at, 'NaN') desc nulls last, file desc, line desc",
        joins=entries.KEYS,
        merge=entries.MERGE,
    ),
    "tags": Kind(
        writes=("tags",),
        of_films=True,
        stages=("tags",),
        key="user_id, movie_id, tag",
        order="nullif(rated_at, 'NaN') desc nulls last, file desc, line desc",
        merge=(MERGE_TAGS,),
    ),
}
