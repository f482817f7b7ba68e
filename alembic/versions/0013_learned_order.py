"""A learned order of the lists, and vectors that add up; it takes the place of one weight of stars.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UPGRADE = """
alter table recsys.rankers drop column candidates, drop column weight;
comment on column recsys.rankers.model_id is 'The model.';

create table recsys.orders (
    model_id bigint not null,
    name text not null,
    taught_by text not null,
    candidates integer not null,
    popular_candidates integer not null,
    directions integer not null,
    recent_unit double precision not null,
    oldest_rated_at timestamptz not null,
    newest_rated_at timestamptz not null,
    lowest_facts real[] not null,
    highest_facts real[] not null,
    least_weights real[] not null,
    typical_inputs real[] not null,
    metrics jsonb not null default '{}',
    constraint pk_orders primary key (model_id),
    constraint fk_orders_model_id_models foreign key (model_id)
        references recsys.models (model_id) on delete cascade,
    constraint ck_orders_candidates check (candidates > 0)
);
comment on table recsys.orders is
    'One row per model whose candidates are put in order. A candidate''s score is the sum of six '
    'inputs, each times its weight: retrieval''s score; the product of order_films.outward with '
    'the user''s sum; that with the recent part of this sum; the logarithms of movies.popularity, '
    'of movies.liked_count, and order_films.age. The weights are a user''s: see order_units.';
comment on column recsys.orders.model_id is 'The model.';
comment on column recsys.orders.name is
    'learned; or plain (retrieval and the additive scores), popular or retrieval, where that was '
    'better on the validation.';
comment on column recsys.orders.taught_by is
    'What it learned from and was judged by: later, what users liked after some moments; missing, '
    'a random part of what they liked.';
comment on column recsys.orders.candidates is 'How many films of retrieval it orders.';
comment on column recsys.orders.popular_candidates is
    'How many films that are popular now it orders with them.';
comment on column recsys.orders.directions is
    'Length of order_films.liked and order_films.rated.';
comment on column recsys.orders.recent_unit is
    'Seconds before a user''s last rating, after which a rating counts half as recent.';
comment on column recsys.orders.oldest_rated_at is
    'When the oldest rating was made; older ones count as made then.';
comment on column recsys.orders.newest_rated_at is
    'When the newest one was; newer ones count as made then. A user is idle from the last rating '
    'until then.';
comment on column recsys.orders.lowest_facts is
    'Facts of a user below these count as these; see order_units.';
comment on column recsys.orders.highest_facts is 'And those above these.';
comment on column recsys.orders.least_weights is
    'Weights of a user below these count as these; see order_units.';
comment on column recsys.orders.typical_inputs is
    'Inputs of a film of which the order has learned nothing: the first three times its score of '
    'retrieval.';
comment on column recsys.orders.metrics is
    'What each order reached on the validation, and the ridge.';

create table recsys.order_units (
    model_id bigint not null,
    unit integer not null,
    bias real not null,
    by_fact vector not null,
    outputs vector not null,
    constraint pk_order_units primary key (model_id, unit),
    constraint fk_order_units_model_id_orders foreign key (model_id)
        references recsys.orders (model_id) on delete cascade
);
comment on table recsys.order_units is
    'One row per unit of the network that gives a user''s weights: the sum over units of '
    'relu(bias + by_fact . facts) * outputs. Facts are 1 for '
    'fewer than 4 likes, else 0; floor(log2(1 + d)) of the d days since the last rating; and that '
    'of the days from the first rating to the last.';
comment on column recsys.order_units.model_id is 'The model.';
comment on column recsys.order_units.unit is 'Unit, from 1.';
comment on column recsys.order_units.bias is 'Added to the weighted sum of the facts.';
comment on column recsys.order_units.by_fact is 'Weights of the facts.';
comment on column recsys.order_units.outputs is
    'What it adds to the weights, in their order.';

create table recsys.order_films (
    model_id bigint not null,
    movie_id bigint not null,
    liked halfvec not null,
    rated halfvec not null,
    outward halfvec not null,
    age real not null,
    constraint pk_order_films primary key (model_id, movie_id),
    constraint fk_order_films_model_id_orders foreign key (model_id)
        references recsys.orders (model_id) on delete cascade,
    constraint fk_order_films_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade
);
create index ix_order_films_movie_id on recsys.order_films (movie_id);
-- In the row, three of which fit on a page: read from elsewhere, they would take several times as
-- long.
alter table recsys.order_films
    alter column liked set storage plain,
    alter column rated set storage plain,
    alter column outward set storage plain;
comment on table recsys.order_films is
    'One row per model and film with ratings: vectors that add up. A user''s sum is that of liked '
    'over the films they like, followed by that of rated over all that they rated.';
comment on column recsys.order_films.model_id is 'The model.';
comment on column recsys.order_films.movie_id is 'The film.';
comment on column recsys.order_films.liked is 'What it adds for a user who likes it.';
comment on column recsys.order_films.rated is 'What it adds for a user who rated it.';
comment on column recsys.order_films.outward is
    'Its product with a user''s sum is a score.';
comment on column recsys.order_films.age is
    'Logarithm of one and the days from its first rating to the newest of all; NaN for a film '
    'without likes, of which the order has learned nothing.';

create type recsys_internal.ordering as (
    weights real[], leaning vector, film_ids bigint[], shares double precision[], likes boolean[]
);
comment on type recsys_internal.ordering is
    'What a user weighs in the order of candidates: the weights of its inputs; the sum of what '
    'they rated and its recent part, weighted; the films they rated, how much each counts in that, '
    'and whether they like it.';

drop function if exists recsys_internal.rerank(
    recsys.rankers, recsys_internal.rater, bigint[], double precision[]);
drop function if exists recsys_internal.find_reasons(
    recsys.models, recsys_internal.taste, bigint[]);
drop function if exists recsys_internal.group_reasons(
    recsys.models, recsys_internal.taste[], bigint[]);
drop function if exists recsys_internal.roughly_solved(vector, vector, vector, vector);
drop function if exists recsys_internal.closely_solved(
    vector, vector, vector, vector, vector, vector, vector[]);
"""

DOWNGRADE = """
do $$
declare
    doomed regprocedure;
begin
    -- All functions are installed anew with the schema that they belong to.
    for doomed in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'recsys_internal'::regnamespace
          and p.proname in ('find_order', 'find_ordering', 'even_ordering', 'order_scores',
            'rerank', 'find_reasons', 'group_reasons')
    loop
        execute format('drop function %s', doomed);
    end loop;
end
$$;
drop type recsys_internal.ordering;
drop table recsys.order_films, recsys.order_units, recsys.orders;
-- Without a weight, the stars count nothing in the order until the next training.
alter table recsys.rankers
    add column candidates integer not null default 50,
    add column weight real not null default 0,
    add constraint ck_rankers_candidates check (candidates > 0),
    add constraint ck_rankers_weight check (weight >= 0);
alter table recsys.rankers
    alter column candidates drop default,
    alter column weight drop default;
comment on column recsys.rankers.model_id is 'The model whose candidates it ranks.';
comment on column recsys.rankers.candidates is
    'How many films are retrieved to be put in order, at least.';
comment on column recsys.rankers.weight is
    'What a star more than the film gets on average counts, times the best candidate''s score; '
    'chosen on ratings held out for it.';
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
