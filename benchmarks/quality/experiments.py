"""Whether experiments tell the truth: simulated users whose tastes are known.

    python -m benchmarks.quality.experiments [--runs 1000]

The formulas are those of `recsys_bi.experiment_results` and `recsys experiments estimate`
(tests/helpers/experiment_oracle.py; a test compares them with SQL).

A user visits once a week on average (each with a rate of their own, gamma of shape 2), gets a list
of ten films, and opens the first that appeals, if any does: 65 visits in 100 of variant A end in a
click. That makes about 5.6 clicks a user in 60 days. "Effect of 5 %" is 5 % more clicks a visit.
Interleaved lists mix films of the same two variants, whose lists have no film in common; the user
opens one at most, as before. For the click rate of a policy that users were never shown, ten of
twenty films are shown in random order, and the policy shows ten of its own; users differ in how
much they click.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from recsys.arrays import Values
from tests.helpers.experiment_oracle import LEAST_CLICKS, click_rate, margin

DAYS = 60
LENGTH = 10
VISITS_A_DAY = 1 / 7
SHAPE = 2.0
CLICKS_A_VISIT = 0.65


def visit_rates(users: int, generator: np.random.Generator) -> Values:
    """Return each user's visits a day, ``(users,)``."""
    return generator.gamma(SHAPE, VISITS_A_DAY / SHAPE, users)


def split(users: int, effect: float, generator: np.random.Generator) -> Iterator[tuple[float, ...]]:
    """Yield the logarithm of the lift and its variance on each day of a split experiment."""
    rates = visit_rates(users, generator)
    visits = np.cumsum(generator.poisson(rates, (DAYS, users)), axis=0)
    chance = np.full(users, CLICKS_A_VISIT)
    chance[users // 2 :] *= 1 + effect
    daily = np.diff(visits, axis=0, prepend=0)
    clicks = np.cumsum(generator.binomial(daily, chance), axis=0)  # (DAYS, users)
    means, variances, least = [], np.zeros(DAYS), np.full(DAYS, np.inf)
    for part in (slice(users // 2), slice(users // 2, None)):
        own, exposed = clicks[:, part], (visits[:, part] > 0).sum(axis=1)
        total = own.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            means.append(total / exposed)
            squares = (own.astype(float) ** 2).sum(axis=1)
            variances += (squares - total**2 / exposed) / total**2
        least = np.minimum(least, total)
    yield from _days(means, variances, least)


def interleaved(
    users: int, effect: float, generator: np.random.Generator
) -> Iterator[tuple[float, ...]]:
    """Yield the same of team-draft interleaving: each user is shown films of both variants."""
    rates = visit_rates(users, generator)
    daily = generator.poisson(rates, (DAYS, users))
    day, user = np.nonzero(daily)
    day, user = (np.repeat(one, daily[day, user]) for one in (day, user))
    # How much a film appeals, such that a whole list of one variant makes the visits' clicks.
    chances = [1 - (1 - CLICKS_A_VISIT * (1 + more)) ** (1 / LENGTH) for more in (0, effect)]
    # The coin of each pair of places is the user's own, as in SQL.
    coins = generator.integers(0, 2, (users, LENGTH // 2)).astype(bool)
    teams = np.stack([coins, ~coins], axis=2).reshape(users, LENGTH)[user]  # (visits, LENGTH)
    appeals = generator.random(teams.shape) < np.where(teams, chances[1], chances[0])
    first = appeals.argmax(axis=1)
    opened = appeals.any(axis=1)
    team = teams[np.arange(len(first)), first]
    credits = np.zeros((2, DAYS, users))
    np.add.at(credits, (team[opened].astype(int), day[opened], user[opened]), 1)
    credits = credits.cumsum(axis=1)
    exposed = (daily.cumsum(axis=0) > 0).sum(axis=1)
    totals = credits.sum(axis=2)  # (2, DAYS)
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = (credits / totals[:, :, None])[1] - (credits / totals[:, :, None])[0]
        # Users shown nothing yet are none; the deviations of those who were add up to 0.
        variances = (pull**2).sum(axis=1)
        means = list(totals / exposed)
    yield from _days(means, variances, totals.min(axis=0))


def _days(means: list[Values], variances: Values, least: Values) -> Iterator[tuple[float, ...]]:
    for day in np.flatnonzero(least >= LEAST_CLICKS):
        yield float(np.log(means[1][day] / means[0][day])), float(variances[day])


def trials(
    kind: str, users: int, effect: float, runs: int, seed: int
) -> tuple[float, float, float]:
    """Return the shares of runs that found B better, found A better, and held the truth daily."""
    simulate = split if kind == "split" else interleaved
    truth = np.log1p(effect)
    if kind == "interleaved":
        chances = [1 - (1 - CLICKS_A_VISIT * (1 + more)) ** (1 / LENGTH) for more in (0, effect)]
        truth = interleaved_truth(chances)
    better = worse = covered = 0
    for run in range(runs):
        looks = np.array(list(simulate(users, effect, np.random.default_rng((seed, run)))))
        half = margin(looks[:, 1])
        low, high = looks[:, 0] - half, looks[:, 0] + half
        better += bool((low > 0).any())
        worse += bool((high < 0).any())
        covered += bool(((low <= truth) & (truth <= high)).all())
    return better / runs, worse / runs, covered / runs


def interleaved_truth(chances: list[float]) -> float:
    """Return the logarithm of the ratio of credits, over all coins, exactly."""
    credits = np.zeros(2)
    for bits in range(2 ** (LENGTH // 2)):
        left = 1.0
        for pair in range(LENGTH // 2):
            coin = bits >> pair & 1
            for team in (coin, 1 - coin):
                credits[team] += left * chances[team]
                left *= 1 - chances[team]
    return float(np.log(credits[1] / credits[0]))


def policies(users: int, runs: int, seed: int) -> tuple[float, float, float]:
    """Return how often the interval holds a new policy's click rate, its error and its width."""
    films = 2 * LENGTH
    generator = np.random.default_rng(seed)
    appeal = generator.uniform(0.02, 0.3, films)
    place = 1 / np.log2(np.arange(LENGTH) + 2)  # how likely a place is looked at
    new = generator.permutation(films)[:LENGTH]
    truth = (appeal[new] * place).mean()  # users' own factors have mean 1
    held, errors, widths = 0, [], []
    for run in range(runs):
        own = np.random.default_rng((seed, run))
        shown = own.permuted(np.tile(np.arange(films), (users, 1)), axis=1)[:, :LENGTH]
        keen = own.gamma(4, 1 / 4, (users, 1))
        clicked = own.random(shown.shape) < np.minimum(keen * appeal[shown] * place, 1)
        weight = (shown == new) * float(films)
        user = np.repeat(np.arange(users), LENGTH)
        found = click_rate(user.astype(float), weight.ravel(), clicked.ravel().astype(float))
        held += found.low <= truth <= found.high
        errors.append(found.rate - truth)
        widths.append(found.high - found.low)
    return held / runs, float(np.mean(errors) / truth), float(np.mean(widths) / truth)


def main() -> None:
    """Simulate, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{given.runs} runs of {DAYS} days, looked at every day")
    for kind, users, effect in (
        ("split", 20_000, 0.0),
        ("split", 20_000, 0.05),
        ("split", 1_000, 0.0),
        ("interleaved", 4_000, 0.0),
        ("interleaved", 4_000, 0.05),
    ):
        better, worse, covered = trials(kind, users, effect, given.runs, given.seed)
        print(
            f"{kind:11} {users:6,} users, effect {effect:.0%}: B better {better:.1%}, "
            f"A better {worse:.1%}, truth held on all days {covered:.1%}",
            flush=True,
        )
    held, error, width = policies(4_000, given.runs, given.seed)
    print(
        f"click rate of a policy never shown, 4,000 lists: truth held {held:.1%}, mean error "
        f"{error:+.1%}, width of the interval {width:.0%} of the rate"
    )


if __name__ == "__main__":
    main()
