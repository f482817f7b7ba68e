"""The ranker: a network that predicts stars, and the order that they give.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
create table recsys.rankers (
    model_id bigint not null,
    mean double precision not null,
    ridge vector not null,
    mean_year real not null,
    mean_rated_at timestamptz not null,
    oldest_rated_at timestamptz not null,
    newest_rated_at timestamptz not null,
    rating_variance real not null,
    half_share real not null,
    candidates integer not null,
    weight real not null,
    metrics jsonb not null default '{}',
    constraint pk_rankers primary key (model_id),
    constraint fk_rankers_model_id_models foreign key (model_id)
        references recsys.models (model_id) on delete cascade,
    constraint ck_rankers_candidates check (candidates > 0),
    constraint ck_rankers_weight check (weight >= 0)
);
comment on table recsys.rankers is
    'One row per model with a ranker: what it knows beside its units. With a user''s vector m, '
    'followed by 1, and a film''s features f, the stars are mean + (m, 1) . f + what the last unit '
    'gives.';
comment on column recsys.rankers.model_id is 'The model whose candidates it ranks.';
comment on column recsys.rankers.mean is 'Mean rating, in stars.';
comment on column recsys.rankers.ridge is
    'A user''s vector m solves (diag(ridge + sum of spread) + sum of f f'') m = sum of (rating - '
    'mean - bias) f over the films f that they rated, the last coordinate, the bias, left out.';
comment on column recsys.rankers.mean_year is 'What years of films are counted from.';
comment on column recsys.rankers.mean_rated_at is 'What times of ratings are counted from.';
comment on column recsys.rankers.oldest_rated_at is
    'When the oldest rating was made that it learned from; older ones count as made then.';
comment on column recsys.rankers.newest_rated_at is
    'When the newest one was; newer ones count as made then, since it has learned nothing of them.';
comment on column recsys.rankers.rating_variance is
    'Variance of a user''s ratings of whom little is known.';
comment on column recsys.rankers.half_share is 'Such a user''s share of half stars.';
comment on column recsys.rankers.candidates is
    'How many films are retrieved to be put in order, at least.';
comment on column recsys.rankers.weight is
    'What a star more than the film is given on average is worth, beside the best candidate''s '
    'score; chosen on ratings held out for it.';
comment on column recsys.rankers.metrics is 'What it reached on ratings held out for it.';

create table recsys.ranker_units (
    model_id bigint not null,
    layer integer not null,
    unit integer not null,
    bias real not null,
    weights vector not null,
    pair_weights vector,
    user_weights vector,
    constraint pk_ranker_units primary key (model_id, layer, unit),
    constraint fk_ranker_units_model_id_rankers foreign key (model_id)
        references recsys.rankers (model_id) on delete cascade
);
comment on table recsys.ranker_units is
    'One row per unit of the network. One of the first layer gives relu(bias + user_weights . u + '
    '(weights + pair_weights * (m, 1)) . f), with u the user''s vector, 1 and facts; a later one '
    'relu(bias + weights . the layer before), the last without relu.';
comment on column recsys.ranker_units.model_id is 'The model.';
comment on column recsys.ranker_units.layer is 'Layer, from 1.';
comment on column recsys.ranker_units.unit is 'Place in the layer, from 1.';
comment on column recsys.ranker_units.bias is 'Added to the weighted sum.';
comment on column recsys.ranker_units.weights is
    'Weights of the film''s features, or of what the layer before gives.';
comment on column recsys.ranker_units.pair_weights is
    'Weights of the products of features and user''s vector, in the first layer.';
comment on column recsys.ranker_units.user_weights is
    'Weights of the user''s vector, 1, and facts (recsys_internal.find_rater), in the first layer.';

create table recsys.ranker_films (
    model_id bigint not null,
    movie_id bigint not null,
    features vector not null,
    spread vector not null,
    constraint pk_ranker_films primary key (model_id, movie_id),
    constraint fk_ranker_films_model_id_rankers foreign key (model_id)
        references recsys.rankers (model_id) on delete cascade,
    constraint fk_ranker_films_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade
);
create index ix_ranker_films_movie_id on recsys.ranker_films (movie_id);
comment on table recsys.ranker_films is
    'One row per model and film that was there when it learned.';
comment on column recsys.ranker_films.model_id is 'The model.';
comment on column recsys.ranker_films.movie_id is 'The film.';
comment on column recsys.ranker_films.features is
    'Learned factors, what is known of the film (see ranker_terms), 1, and its bias in stars.';
comment on column recsys.ranker_films.spread is 'Variances of the learned factors.';

create table recsys.ranker_terms (
    model_id bigint not null,
    term text not null,
    features vector not null,
    constraint pk_ranker_terms primary key (model_id, term),
    constraint fk_ranker_terms_model_id_rankers foreign key (model_id)
        references recsys.rankers (model_id) on delete cascade
);
comment on table recsys.ranker_terms is
    'One row per model and term that the features of a film are the sum of that has none of its '
    'own, since it came later; see recsys_internal.ranker_features.';
comment on column recsys.ranker_terms.model_id is 'The model.';
comment on column recsys.ranker_terms.term is
    'base; year and year_squared, a year; or such as genre:Comedy.';
comment on column recsys.ranker_terms.features is 'What it adds.';

create table recsys.ranker_users (
    user_id bigint not null,
    model_id bigint not null,
    embedding vector not null,
    rating_count bigint not null,
    rating_digest bigint not null,
    constraint pk_ranker_users primary key (user_id, model_id),
    constraint fk_ranker_users_model_id_rankers foreign key (model_id)
        references recsys.rankers (model_id) on delete cascade
);
create index ix_ranker_users_model_id on recsys.ranker_users (model_id);
comment on table recsys.ranker_users is
    'One row per user and model that learned from their ratings.';
comment on column recsys.ranker_users.user_id is 'The user.';
comment on column recsys.ranker_users.model_id is 'The model.';
comment on column recsys.ranker_users.embedding is
    'The user''s vector m, and 0: affinities to the features of films, the last but one the '
    'user''s own bias in stars.';
comment on column recsys.ranker_users.rating_count is 'How many ratings it was made from.';
comment on column recsys.ranker_users.rating_digest is
    'Exclusive or of the hashes of films and stars: with other ratings it is solved anew.';

create type recsys_internal.rater as (
    embedding vector, biases double precision[], weights vector[]
);
comment on type recsys_internal.rater is
    'A user as a ranker sees them: (m, 1), and for each unit of the first layer what it adds to a '
    'film''s weighted features, and their weights.';

drop function if exists recsys_internal.solve_user(
    recsys.models, vector[], vector, vector, double precision);
drop function if exists recsys_internal.complete_recommendations(
    recsys.models, text, bigint[], double precision[], bigint[], integer, bigint[],
    recsys_internal.filters);
drop function if exists recsys_internal.pool_size(integer, real);
"""

DOWNGRADE = """
do $$
declare
    doomed regprocedure;
begin
    -- All functions are installed anew with the schema that they belong to, triggers with them.
    for doomed in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace in ('recsys'::regnamespace, 'recsys_internal'::regnamespace)
          and p.proname not in ('plain_title', 'main_title')
    loop
        execute format('drop function if exists %s cascade', doomed);
    end loop;
end
$$;
drop type recsys_internal.rater;
drop table recsys.ranker_users, recsys.ranker_terms, recsys.ranker_films, recsys.ranker_units,
    recsys.rankers;
"""


def _run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def upgrade() -> None:
    _run(TABLES)


def downgrade() -> None:
    _run(DOWNGRADE)
