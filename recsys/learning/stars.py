"""Stars from vectors: Bayesian factorization of explicit ratings, in torch alone.

The model of a rating (probabilistic matrix factorization, Salakhutdinov and Mnih 2007, with side
information as in Agarwal and Chen, "Regression-based Latent Factor Models", KDD 2009):

    r_ui  =  mean + b_i + m_u . x_i + noise_u,    x_i = (v_i, k_i, 1)
    m_u   ~  N(0, diag(user_variance))
    (v_i, b_i)  ~  N(W' s_i, diag(film_variance)),    noise_u ~ N(0, noise / w_u)

The latent part v_i is learned; k_i is known of the film beforehand (genres, year, how many rated
it), so that m_u holds the user's affinity to each genre, too; s_i are the facts that a film's
vector is expected from. All posteriors are Gaussian with full covariance within a row, found by
variational Bayes (Lim and Teh, "Variational Bayesian Approach to Movie Rating Prediction", KDD Cup
2007); the variances, the noise and W are estimated on the way (empirical Bayes), so that nothing
is left to tune. Users differ in how predictable they are: w_u weighs what they teach of films.

What is served is the linear rest: a user is the mean of the posterior given the films as they
were learned, with the noise of all users and the diagonal of the films' covariances alone,

    (diag(noise / user_variance + sum of spread_i) + sum of x_i x_i') m_u  =  sum of
    (r_ui - mean - b_i) x_i,

which the database solves in the same way for users who rated something since.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recsys.learning.cores import core_workers, one_core
from recsys.learning.posteriors import Part, Posteriors, RatingFactors, less, matrix, parts
from recsys.learning.ratings import Ratings
from recsys.progress import Progress, silent

FACTORS, EPOCHS = 8, 20
# For so many epochs the variances stay where they begin: estimated from vectors that have learned
# nothing yet, they would shrink to zero and stay there.
WARM_EPOCHS = 5
# Of more ratings, those of a random part of the users are learned from first, and then so many
# epochs of all.
MOST_RATINGS, EPOCHS_OF_ALL = 1_000_000, 6
TOLERANCE = 1e-4  # once the noise changes less in an epoch, relatively, nothing else does much


def fit(
    ratings: Ratings,
    known: Tensor,
    facts: Tensor,
    factors: int = FACTORS,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress = silent,
    begin_at: RatingFactors | None = None,
) -> RatingFactors:
    """Learn films, and how users vary, from ratings.

    Parameters
    ----------
    known, facts
        ``(n_films, n_known)`` and ``(n_films, n_facts)`` float64; facts with a column of ones.
    begin_at
        What was learned before, of the same films: it takes a few epochs to go on from there.

    Examples
    --------
    >>> users, films = np.divmod(np.arange(200), 10)
    >>> checkerboard = Ratings.of(users, films, np.where((users + films) % 2 == 0, 5.0, 1.0))
    >>> ones = torch.ones(10, 1, dtype=torch.float64)
    >>> learned = fit(checkerboard, ones[:, :0], ones, factors=2)
    >>> users = solve_users(learned, checkerboard)
    >>> [round(float(predict(learned, users[[0]], torch.tensor([film])))) for film in (0, 1, 2)]
    [5, 1, 5]
    """
    few = ratings.some_users(MOST_RATINGS, seed)
    of_few = few is not ratings and begin_at is None
    if of_few:
        begin_at = fit(few, known, facts, factors, epochs, seed, progress)
    core_workers()  # as many as there are cores
    with one_core():
        learner = Posteriors(ratings, known, facts, factors, seed)
        if begin_at is not None:
            learner.begin_at(begin_at)
            for epoch in range(1, EPOCHS_OF_ALL + 1):
                learner.users_from_films()
                learner.estimate_variances()
                learner.films_from_users()
                done = (epochs, epochs) if of_few else (epoch, EPOCHS_OF_ALL)
                progress("ratings", *done, f"noise {learner.noise:.3f}")
            return learner.learned()
        before = learner.noise
        for epoch in range(1, epochs + 1):
            learner.films_from_users()
            learner.users_from_films()
            if epoch > WARM_EPOCHS:
                learner.estimate_variances()
            progress("ratings", epoch, epochs, f"noise {learner.noise:.3f}")
            if epoch > 3 * WARM_EPOCHS and abs(learner.noise - before) < TOLERANCE * before:
                break
            before = learner.noise
        return learner.learned()


def solve_users(learned: RatingFactors, ratings: Ratings) -> Tensor:
    """Return ``(n_users, factors + n_known + 1)``: the users as they are served.

    Zero for a user without ratings.
    """
    films, d = learned.films, learned.spread.shape[1]
    n = films.shape[1]
    left, right = torch.triu_indices(n, n)
    place = torch.empty(n, n, dtype=torch.int64)
    place[left, right] = place[right, left] = torch.arange(len(left))
    spread = torch.nn.functional.pad(learned.spread, (0, n - d))
    # Of a film, half of x x', and the diagonal of its covariance.
    squares = torch.cat([films[:, left] * films[:, right], spread], 1).float()
    ridge = learned.noise / learned.user_variance
    design = films.float()

    users = torch.empty(ratings.shape[0], n, dtype=torch.float64)

    def work(part: Part) -> None:
        sums = (part.ones @ squares).double()
        gram = sums[:, place] + torch.diag_embed(ridge + sums[:, len(left) :])
        target = (part.stars @ design).double()
        solved = torch.cholesky_solve(target[:, :, None], torch.linalg.cholesky(gram))
        users[part.rows] = solved[:, :, 0]

    expected = learned.mean + learned.biases.numpy()
    unexplained = less(ratings.stars, expected[ratings.movie_index])
    workers = core_workers()
    with one_core():
        for _ in workers.map(work, parts(matrix(ratings, unexplained))):
            pass
    return users


def predict(learned: RatingFactors, users: Tensor, film_index: Tensor) -> Tensor:
    """Return ``(n,)`` stars, unclipped, of users ``(n, d)`` and films, pair by pair."""
    products: Tensor = torch.linalg.vecdot(users, learned.films[film_index])
    return products + learned.mean + learned.biases[film_index]
