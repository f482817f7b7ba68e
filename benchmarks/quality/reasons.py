"""Whether reasons are true, in the database of DATABASE_URL or RECSYS_HOME; nothing is kept.

    python -m benchmarks.quality.reasons [--users 100]

For each user's list of ten: whether the contributions of recsys.explain add up to the score, and
whether the score falls once the rating of the film that because_title names is deleted.
"""

from __future__ import annotations

import argparse

from sqlalchemy import Connection, text

from recsys.database.engine import open_engine
from recsys.settings import Settings

USERS = text("""
    select user_id from recsys.ratings group by user_id
    order by hashint8extended(user_id, 0) limit :n
""")
SUMS = text("""
    select r.rank, r.movie_id, r.because_movie_id, r.source, r.score, (
        select sum(e.contribution) from recsys.explain(:user_id, r.movie_id, 1000000) e)
    from recsys.recommend(:user_id) r
""")
WITHOUT = text("delete from recsys.ratings where user_id = :user_id and movie_id = :movie_id")


def score_without(connection: Connection, user_id: int, film: int, reason: int) -> float | None:
    """Return the score of a film once the user has not rated another one."""
    within = connection.begin_nested()
    connection.execute(WITHOUT, {"user_id": user_id, "movie_id": reason})
    score = connection.execute(
        text("select sum(contribution) from recsys.explain(:user_id, :movie_id, 1000000)"),
        {"user_id": user_id, "movie_id": film},
    ).scalar()
    within.rollback()
    return None if score is None else float(score)


def main() -> None:
    """Ask, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=100)
    n_users = parser.parse_args().users
    rows = named = fell = 0
    farthest = 0.0
    with open_engine(Settings.from_environment()).connect() as connection:
        for user_id in connection.execute(USERS, {"n": n_users}).scalars().all():
            for _, film, reason, _, score, total in connection.execute(
                SUMS, {"user_id": user_id}
            ).all():
                rows += 1
                farthest = max(farthest, abs(score - total))
                if reason is not None:
                    named += 1
                    without = score_without(connection, user_id, film, reason)
                    fell += without is not None and without < score
        connection.rollback()
    print(
        f"{rows} rows of {n_users} users: contributions add up to the score within {farthest:.1e}"
    )
    print(f"{named} name a film; without its rating the score is lower in {fell / named:.1%}")


if __name__ == "__main__":
    main()
