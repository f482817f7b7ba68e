"""Experiments: who gets which variant, what was shown, and what came of it, compared with NumPy."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from recsys.errors import InvalidRequest, UnknownModel
from recsys.models.experiments import (
    Variant,
    estimate_clicks,
    start_experiment,
    stop_experiment,
)
from tests.helpers.experiment_oracle import ALPHA, click_rate, lift, margin

USERS = 20_000


def rows(connection: Connection, statement: str, *given: object) -> list[Any]:
    return [tuple(row) for row in connection.exec_driver_sql(statement, given)]


def variants(connection: Connection, experiment: str, users: int = USERS) -> Any:
    found = rows(
        connection,
        "select recsys.variant_of(u, %s) from generate_series(1, %s) u order by u",
        experiment,
        users,
    )
    return np.array([row[0] for row in found])


def expect_refusal(connection: Connection, message: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match=message) as caught, connection.begin_nested():
        connection.exec_driver_sql(statement)
    assert caught.value.orig.sqlstate == "22023"  # type: ignore[union-attr]


def test_users_get_variants_by_their_shares_again_and_again(sample: Connection) -> None:
    start_experiment(sample, "one", [Variant("a", 1), Variant("b", 3), Variant("c", 4)])
    found = variants(sample, "one")
    for name, share in (("a", 1 / 8), ("b", 3 / 8), ("c", 1 / 2)):
        off = (found == name).sum() - USERS * share
        assert abs(off) < 4 * np.sqrt(USERS * share * (1 - share))
    assert (variants(sample, "one") == found).all()


def test_experiments_are_independent_and_neighbours_are_not_alike(sample: Connection) -> None:
    halves = []
    for number in range(30):
        start_experiment(sample, f"e{number}", [Variant("a"), Variant("b")])
        halves.append(variants(sample, f"e{number}", 2000) == "a")
    drawn = np.array(halves)
    counts = drawn.sum(axis=1)
    # The server's own hash functions do neither: hashint8extended spreads these twice as wide.
    assert 0.6 < counts.std() / np.sqrt(2000 / 4) < 1.5
    agreeing = (drawn[1:] == drawn[:-1]).sum(axis=1)
    assert np.abs(agreeing - 1000).max() < 4 * np.sqrt(2000 / 4)


def test_an_experiment_serves_while_it_runs(sample: Connection) -> None:
    plain = rows(sample, "select movie_id, variant from recsys.recommend(1)")
    assert {variant for _, variant in plain} == {None}
    start_experiment(sample, "e", [Variant("a"), Variant("b", diversity=0.7)])
    own = rows(sample, "select recsys.variant_of(1, 'e')")[0][0]
    served = "select variant from recsys.recommend(1, experiment => 'e')"
    assert rows(sample, served) == [(own,)] * 10
    for change in (
        "started_at = now() + interval '1 day', ended_at = null",
        "started_at = now() - interval '2 days', ended_at = now()",
    ):
        sample.exec_driver_sql(f"update recsys.experiments set {change}")
        assert rows(sample, "select recsys.variant_of(1, 'e')") == [(None,)]
        outside = "select movie_id, variant from recsys.recommend(1, experiment => 'e')"
        assert rows(sample, outside) == plain
        assert rows(sample, "select movie_id, variant from recsys.interleave(1, 'e')") == plain


@pytest.mark.parametrize(
    ("variant", "arguments"),
    [
        (Variant("b", rerank=False), "rerank => false"),
        (Variant("b", diversity=0.6), "diversity => 0.6"),
        (Variant("b", model_id=1), "model_id => 1"),
        (Variant("b"), "k => 10"),
    ],
)
def test_a_variant_answers_as_its_arguments_do(
    sample: Connection, variant: Variant, arguments: str
) -> None:
    start_experiment(sample, "e", [Variant("a", 1e-9), variant])
    columns = "rank, movie_id, score, source, because_movie_id, model_id"
    for user in (1, 2, -1):
        served = rows(
            sample,
            f"select {columns} from recsys.recommend({user}, genres => '{{Drama}}',"
            " experiment => 'e')",
        )
        assert served == rows(
            sample,
            f"select {columns} from recsys.recommend({user}, genres => '{{Drama}}', {arguments})",
        )


def test_a_dropped_model_gives_way_to_the_active_one(sample: Connection) -> None:
    start_experiment(sample, "e", [Variant("a", 1e-9), Variant("b")])
    sample.exec_driver_sql("update recsys.experiment_variants set model_id = 99")
    served = rows(sample, "select model_id, variant from recsys.recommend(1, experiment => 'e')")
    assert served == [(1, "b")] * 10


def test_what_is_unknown_is_refused(sample: Connection) -> None:
    for call in ("variant_of(1, 'x')", "recommend(1, experiment => 'x')", "interleave(1, 'x')"):
        expect_refusal(sample, "unknown experiment: 'x'", f"select recsys.{call}")
    expect_refusal(sample, "unknown experiment: NULL", "select recsys.variant_of(1, null)")
    start_experiment(sample, "e", [Variant("a"), Variant("b"), Variant("c")])
    expect_refusal(sample, "it has 3 variants", "select recsys.interleave(1, 'e')")
    expect_refusal(sample, "k is 0", "select recsys.interleave(1, 'e', 0)")


def test_a_draft_takes_turns_and_each_takes_its_best(sample: Connection) -> None:
    start_experiment(sample, "e", [Variant("a"), Variant("b", rerank=False)])
    first = 0
    for user in range(1, 61):
        lists = {
            name: [
                row[0]
                for row in rows(
                    sample, f"select movie_id from recsys.recommend({user}, 12, rerank => {rerank})"
                )
            ]
            for name, rerank in (("a", True), ("b", False))
        }
        drafted = rows(
            sample,
            f"select rank, movie_id, variant from recsys.interleave({user}, 'e', 12) order by rank",
        )
        assert [row[0] for row in drafted] == list(range(1, 13))
        taken: list[int] = []
        for _, film, team in drafted:
            assert film == next(one for one in lists[team] if one not in taken)
            taken.append(film)
        teams = [row[2] for row in drafted]
        assert all(set(teams[place : place + 2]) == {"a", "b"} for place in range(0, 12, 2))
        first += teams[::2].count("a")
    assert abs(first - 180) < 4 * np.sqrt(360 / 4)


def test_a_draft_goes_on_where_one_list_ends(sample: Connection) -> None:
    start_experiment(sample, "e", [Variant("a"), Variant("b", rerank=False)])
    drama = "genres => '{Film-Noir}', k => 100"
    whole = rows(sample, f"select movie_id from recsys.recommend(1, {drama}) order by 1")
    mixed = rows(sample, f"select movie_id from recsys.interleave(1, 'e', {drama}) order by 1")
    assert 0 < len(whole) < 100
    assert mixed == whole


SHOWN = """
    select movie_id, rank, model_id, experiment, variant, propensity
    from recsys.impressions where user_id = 7 order by shown_at, rank
"""


def log(connection: Connection, more: str) -> None:
    connection.exec_driver_sql(f"select recsys.log_shown(7, '{{3,1,2}}', {more})")


def test_what_is_shown_is_written_once(sample: Connection) -> None:
    start_experiment(sample, "e", [Variant("a", 1e-9), Variant("b")])
    for _ in range(2):
        log(sample, "model_id => 1, experiment => 'e', propensities => '{1,0.5,0.25}'")
    assert rows(sample, SHOWN) == [
        (3, 1, 1, "e", "b", 1.0),
        (1, 2, 1, "e", "b", 0.5),
        (2, 3, 1, "e", "b", 0.25),
    ]
    log(sample, "experiment => 'e', variants => '{a,b,a}', shown_at => '2020-01-01'")
    assert [row[4] for row in rows(sample, SHOWN)[:3]] == ["a", "b", "a"]
    log(sample, "shown_at => '9999-12-30Z'")  # is now, when these films were shown already
    assert len(rows(sample, SHOWN)) == 6


def test_a_list_that_does_not_fit_is_not_written(sample: Connection) -> None:
    for more in ("variants => '{a}'", "propensities => '{1,1}'"):
        expect_refusal(
            sample, "movie_ids are 3", f"select recsys.log_shown(7, '{{3,1,2}}', {more})"
        )
    for odd in (0, 1.01, "NaN"):
        expect_refusal(
            sample,
            "each is above 0, up to 1",
            f"select recsys.log_shown(7, '{{3}}', propensities => '{{{odd}}}')",
        )
    for odd in ("infinity", "-infinity", "9999-12-31Z", "0044-03-15 BC"):
        expect_refusal(
            sample,
            "shown_at is '.*': choose a time from 0001-01-02 to 9999-12-30 in UTC",
            f"select recsys.log_shown(7, '{{3}}', shown_at => '{odd}')",
        )
    expect_refusal(sample, "unknown movie: -9", "select recsys.log_shown(7, '{3,-9}')")
    expect_refusal(
        sample, "unknown experiment: 'x'", "select recsys.log_shown(7, '{3}', experiment => 'x')"
    )
    assert rows(sample, SHOWN) == []


def test_the_margin_is_that_of_the_oracle(sample: Connection) -> None:
    given = np.logspace(-9, 3, 50)
    for alpha in (ALPHA, 0.01):
        found = rows(
            sample,
            "select recsys_internal.always_valid_margin(v, %s) from unnest(%s::float8[]) v",
            alpha,
            given.tolist(),
        )
        np.testing.assert_allclose([row[0] for row in found], margin(given, alpha), rtol=1e-10)
    assert rows(sample, "select recsys_internal.always_valid_margin(0)") == [(None,)]


NOW = pd.Timestamp("2026-03-01", tz="UTC")


def make_up(connection: Connection, seed: int) -> pd.DataFrame:
    """Write lists and reactions at random times; return a row an impression, with reactions."""
    generator = np.random.default_rng(seed)
    n = 4000
    shown = pd.DataFrame(
        {
            "user_id": generator.integers(1, 400, n),
            "movie_id": generator.integers(1, 40, n),
            "shown_at": NOW + pd.to_timedelta(generator.integers(0, 20 * 86_400, n), unit="s"),
        }
    )
    # Two thirds of the users are in one variant, the others' lists mix all three.
    shown["variant"] = np.where(
        shown["user_id"] % 3 < 2, shown["user_id"] % 2, generator.integers(0, 3, n)
    )
    shown["variant"] = shown["variant"].map(dict(enumerate("abc")))
    shown = shown.drop_duplicates(["user_id", "movie_id", "shown_at"])
    connection.exec_driver_sql(
        "insert into recsys.impressions (user_id, movie_id, shown_at, variant, rank, experiment)"
        " values (%s, %s, %s, %s, 1, 'e')",
        [tuple(row) for row in shown.astype({"shown_at": object}).itertuples(index=False)],
    )
    pairs = shown[["user_id", "movie_id"]].drop_duplicates()
    connection.exec_driver_sql("delete from recsys.ratings")
    for kind, table in (("clicked", "feedback"), ("played", "feedback"), ("rated", "ratings")):
        own = pairs.sample(frac=0.5, random_state=generator).copy()
        own[kind] = NOW + pd.to_timedelta(
            generator.integers(-86_400, 30 * 86_400, len(own)), unit="s"
        )
        own["rating"] = generator.integers(1, 11, len(own)) / 2
        given = own.astype({kind: object})
        if table == "feedback":
            connection.exec_driver_sql(
                "insert into recsys.feedback (user_id, movie_id, at, kind) values (%s, %s, %s, %s)",
                [
                    (row.user_id, row.movie_id, getattr(row, kind), kind)
                    for row in given.itertuples()
                ],
            )
            own = own.drop(columns="rating")
        else:
            connection.exec_driver_sql(
                "insert into recsys.ratings (user_id, movie_id, rated_at, rating)"
                " values (%s, %s, %s, %s)",
                [(row.user_id, row.movie_id, row.rated, row.rating) for row in given.itertuples()],
            )
        shown = shown.merge(own, how="left", on=["user_id", "movie_id"])
    return shown


def by_user(shown: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Count, a row for each user and variant."""
    shown = shown[shown["shown_at"] < as_of].copy()
    end = shown["shown_at"] + pd.Timedelta(days=7)
    end = end.where(end < as_of, as_of)
    for kind in ("clicked", "played", "rated"):
        shown[kind] = (shown[kind] >= shown["shown_at"]) & (shown[kind] < end)
    shown["rating"] = shown["rating"].where(shown["rated"])
    films = shown.groupby(["variant", "user_id", "movie_id"]).agg(
        impressions=("clicked", "size"),
        clicks=("clicked", "any"),
        plays=("played", "any"),
        ratings=("rated", "any"),
        stars=("rating", "max"),
    )
    return films.groupby(["variant", "user_id"]).sum().reset_index()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("days", [3, 12, 100])
def test_results_are_those_of_the_oracle(sample: Connection, seed: int, days: int) -> None:
    counts = by_user(make_up(sample, seed), NOW + pd.Timedelta(days=days))
    found = pd.DataFrame(
        sample.exec_driver_sql(  # type: ignore[arg-type]
            "select m.*, recsys_internal.always_valid_margin(variance, alpha) as margin"
            " from recsys_internal.measure_experiments(%s, 'e') m order by variant",
            (NOW + pd.Timedelta(days=days),),
        ).mappings()
    ).set_index("variant")
    found = found.astype({"log_lift": float, "margin": float, "stars": float})
    log_lifts, margins = (found[column].to_dict() for column in ("log_lift", "margin"))
    expected = counts.groupby("variant")
    for column in ("impressions", "clicks", "plays", "ratings"):
        assert found[column].tolist() == expected[column].sum().tolist()
    assert found["users"].tolist() == expected.size().tolist()
    clicked = counts["clicks"].gt(0).groupby(counts["variant"]).sum()
    assert found["users_clicked"].tolist() == clicked.tolist()
    np.testing.assert_allclose(found["stars"], expected["stars"].sum() / expected["ratings"].sum())
    clicks = counts.pivot(index="user_id", columns="variant", values="clicks")
    assert np.isnan(log_lifts["a"])
    for name in "bc":
        pair = clicks[["a", name]].dropna(how="all").astype(float)
        own = found.loc[name]
        assert own["compared_users"] == len(pair)
        assert own["alpha"] == ALPHA / 2
        middle, half = log_lifts[name], margins[name]
        np.testing.assert_allclose(
            np.expm1([middle, middle - half, middle + half]),
            lift(pair["a"].to_numpy(), pair[name].to_numpy(), ALPHA / 2),
        )


def show(connection: Connection, variant: str, users: range, clicks: int) -> None:
    """Show a film to each user; the first ones click on it, every tenth of them on two."""
    for film in (1, 2):
        connection.exec_driver_sql(
            "insert into recsys.impressions"
            " (user_id, movie_id, rank, experiment, variant, shown_at)"
            " select u, %s, %s, 'e', %s, now() - interval '1 day' from generate_series(%s::bigint, %s) u",
            (film, film, variant, users.start, users.stop - 1),
        )
        connection.exec_driver_sql(
            "insert into recsys.feedback (user_id, movie_id, kind)"
            " select u, %s, 'clicked' from generate_series(%s::bigint, %s) u where %s = 1 or u %% 10 = 0",
            (film, users.start, users.start + clicks - 1, film),
        )


def verdicts(connection: Connection) -> dict[str, str]:
    return dict(rows(connection, "select variant, verdict from recsys_bi.experiment_results"))


def test_the_verdict_says_what_is_better_or_how_many_users_it_takes(sample: Connection) -> None:
    start_experiment(sample, "e", [Variant(name) for name in "abcde"])
    show(sample, "a", range(10_000, 12_000), 400)
    show(sample, "b", range(20_000, 22_000), 700)
    show(sample, "c", range(30_000, 32_000), 200)
    show(sample, "d", range(40_000, 42_000), 430)
    show(sample, "e", range(50_000, 50_100), 40)
    found = verdicts(sample)
    assert found["a"] == "the others are compared with it"
    assert found["b"] == "better than a"
    assert found["c"] == "worse than a"
    assert found["e"] == "not yet enough: each variant needs 50 clicks"
    needed = re.fullmatch(r"not yet enough: about ([\d,]+) more users", found["d"])
    assert needed is not None
    # With so many more of the same kind, the verdict is there; with three quarters of them, not.
    a, d = (
        np.array([1.1] * part + [0.0] * (2000 - part)) for part in (400, 430)
    )  # near enough: 1.1 clicks a user who clicks
    users = int(needed[1].replace(",", ""))
    for times, clear in ((1 + 1.15 * users / 4000, True), (1 + 0.6 * users / 4000, False)):
        n = round(2000 * times)
        before, after = (np.resize(one, n) for one in (a, d))
        for one, part in ((before, 400), (after, 430)):
            one[:] = 0
            one[: round(part * times)] = 1
            one[: round(part * times / 10)] = 2
        nothing = np.full(n, np.nan)
        found_lift = lift(
            np.concatenate([before, nothing]), np.concatenate([nothing, after]), ALPHA / 4
        )
        assert (found_lift.low > 0) == clear


def test_an_equal_pair_needs_more_than_can_be_said(sample: Connection) -> None:
    start_experiment(sample, "e", [Variant("a"), Variant("b")])
    show(sample, "a", range(10_000, 12_000), 400)
    show(sample, "b", range(20_000, 22_000), 400)
    assert "100 times as many" in verdicts(sample)["b"]


def test_an_experiment_is_started_once_and_stopped_once(sample: Connection) -> None:
    pair = [Variant("a"), Variant("b", 2)]
    for wrong in ([Variant("a")], [Variant("a"), Variant("a")], [Variant("a"), Variant("b", 0)]):
        with pytest.raises(InvalidRequest):
            start_experiment(sample, "e", wrong)
    with pytest.raises(UnknownModel):
        start_experiment(sample, "e", [Variant("a"), Variant("b", model_id=99)])
    start_experiment(sample, "e", pair)
    with pytest.raises(InvalidRequest, match="another name"):
        start_experiment(sample, "e", pair)
    stop_experiment(sample, "e")
    for name in ("e", "x"):
        with pytest.raises(InvalidRequest, match="is running"):
            stop_experiment(sample, name)


def log_by_chance(connection: Connection, users: range, pool: int, length: int = 5) -> pd.DataFrame:
    """Show the first films of a list in random order, and click; return a row a place."""
    generator = np.random.default_rng(1)
    found = []
    for user in users:
        films = [
            row[0]
            for row in rows(connection, f"select movie_id from recsys.recommend({user}, {pool})")
        ]
        own = generator.permutation(films)[:length].tolist()
        connection.exec_driver_sql(
            "select recsys.log_shown(%s, %s::bigint[], shown_at => now() - interval '1 day',"
            " propensities => %s::real[])",
            (user, own, [1 / pool] * length),
        )
        clicked = generator.random(length) < 0.3
        connection.exec_driver_sql(
            "insert into recsys.feedback (user_id, movie_id, kind)"
            " select %s, m, 'clicked' from unnest(%s::bigint[]) m",
            (user, [film for film, one in zip(own, clicked, strict=True) if one]),
        )
        # A click that came too late, and a rating that came with it, change nothing.
        connection.exec_driver_sql(
            "insert into recsys.feedback (user_id, movie_id, kind, at)"
            " select %s, m, 'clicked', now() + interval '7 days' from unnest(%s::bigint[]) m"
            " on conflict do nothing",
            (user, own),
        )
        listed = films[:length]
        weight = [pool if film == best else 0 for film, best in zip(own, listed, strict=True)]
        found += [(user, *one) for one in zip(weight, clicked, strict=True)]
    return pd.DataFrame(found, columns=["user", "weight", "clicked"]).astype(float)


def test_the_estimate_of_a_model_is_that_of_the_oracle(sample: Connection) -> None:
    logged = log_by_chance(sample, range(1, 201), pool=6)
    expected = click_rate(*(logged[name].to_numpy() for name in ("user", "weight", "clicked")))
    found = estimate_clicks(sample, 1)
    assert (found["users"], found["places"]) == (200, 1000)
    np.testing.assert_allclose(found["logged_rate"], logged["clicked"].mean())
    np.testing.assert_allclose(
        [found[name] for name in (
            "click_rate", "rate_low", "rate_high", "effective_places", "coverage"
        )],
        expected,
        rtol=1e-6,  # a propensity is a real
    )  # fmt: skip
    assert estimate_clicks(sample, 1, "2 days") == found
    assert estimate_clicks(sample, 1, users=150)["users"] == 150


def test_what_cannot_be_estimated_is_refused(sample: Connection) -> None:
    with pytest.raises(UnknownModel):
        estimate_clicks(sample, 99)
    sample.exec_driver_sql("select recsys.log_shown(1, '{1,2,3}')")
    with pytest.raises(InvalidRequest, match="no list was logged with propensities"):
        estimate_clicks(sample, 1)
    log_by_chance(sample, range(1, 20), pool=8)
    with pytest.raises(InvalidRequest, match="no list was logged with propensities in that time"):
        estimate_clicks(sample, 1, "1 hour")
    with pytest.raises(InvalidRequest, match=r"as much of model 1 as \d+ places"):
        estimate_clicks(sample, 1)
    sample.exec_driver_sql("delete from recsys.impressions")
    for user in range(1, 50):  # the last films, which the model would not show
        sample.exec_driver_sql(
            "select recsys.log_shown(%s, array(select movie_id from"
            " recsys.recommend(%s, 20) where rank > 15 order by rank)::bigint[],"
            " propensities => '{1,1,1,1,1}')",
            (user, user),
        )
    with pytest.raises(InvalidRequest, match="the logs cover 0% of what model 1 would show"):
        estimate_clicks(sample, 1)
