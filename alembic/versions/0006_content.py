"""Content: terms and vectors of texts, genres predicted from them, films that nobody rated.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
create table recsys.text_encoders (
    encoder_id bigint generated always as identity,
    name text not null,
    dimensions integer not null,
    parameters jsonb not null default '{}',
    state bytea,
    genre_classifier jsonb,
    created_at timestamptz not null default clock_timestamp(),
    constraint pk_text_encoders primary key (encoder_id),
    constraint ck_text_encoders_dimensions check (dimensions > 0)
);
create index ix_text_encoders_name on recsys.text_encoders (name, encoder_id);
comment on table recsys.text_encoders is
    'One row per encoder of texts, and per learning of those that are learned from the '
    'catalogue. Of several of one name, the newest is used.';
comment on column recsys.text_encoders.encoder_id is 'The encoder.';
comment on column recsys.text_encoders.name is
    'terms: learned by `recsys train`, evaluated in SQL; or doc2vec; or the name or folder of a '
    'sentence encoder.';
comment on column recsys.text_encoders.dimensions is 'Length of its vectors.';
comment on column recsys.text_encoders.parameters is
    'How it was learned and from what; whether genres are in its texts.';
comment on column recsys.text_encoders.state is
    'What Python needs to encode further texts, as a NumPy archive; null where nothing.';
comment on column recsys.text_encoders.genre_classifier is
    'What its genre_units were learned from, and their F1 on films held out; null without any.';
comment on column recsys.text_encoders.created_at is 'When it was made.';

create table recsys.text_terms (
    encoder_id bigint not null,
    term text not null,
    weight real not null,
    embedding vector,
    constraint pk_text_terms primary key (encoder_id, term),
    constraint fk_text_terms_encoder_id_text_encoders foreign key (encoder_id)
        references recsys.text_encoders (encoder_id) on delete cascade
);
comment on table recsys.text_terms is
    'One row per learning and term of the films'' texts, as PostgreSQL''s text search stems it.';
comment on column recsys.text_terms.encoder_id is 'The learning.';
comment on column recsys.text_terms.term is 'The stem.';
comment on column recsys.text_terms.weight is
    'Inverse document frequency: ln((1 + films) / (1 + films with the term)) + 1.';
comment on column recsys.text_terms.embedding is
    'Vector of the term; null where too few films have it.';

create table recsys.movie_terms (
    encoder_id bigint not null,
    movie_id bigint not null,
    plot sparsevec,
    title sparsevec,
    keywords sparsevec,
    digest bigint not null,
    constraint pk_movie_terms primary key (encoder_id, movie_id),
    constraint fk_movie_terms_encoder_id_text_encoders foreign key (encoder_id)
        references recsys.text_encoders (encoder_id) on delete cascade,
    constraint fk_movie_terms_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade
);
create index ix_movie_terms_movie_id on recsys.movie_terms (movie_id);
comment on table recsys.movie_terms is 'One row per learning of terms and film.';
comment on column recsys.movie_terms.encoder_id is 'The learning.';
comment on column recsys.movie_terms.movie_id is 'The film.';
comment on column recsys.movie_terms.plot is
    'Weights of the terms of its texts, of length 1: TF-IDF, sublinear; null without texts.';
comment on column recsys.movie_terms.title is 'The same of its title.';
comment on column recsys.movie_terms.keywords is 'The same of its keywords and tags.';
comment on column recsys.movie_terms.digest is
    'recsys_internal.words_digest of the words that were weighed: another one is out of date.';

create table recsys.movie_text_vectors (
    encoder_id bigint not null,
    movie_id bigint not null,
    embedding vector not null,
    digest bigint not null,
    constraint pk_movie_text_vectors primary key (encoder_id, movie_id),
    constraint fk_movie_text_vectors_encoder_id_text_encoders foreign key (encoder_id)
        references recsys.text_encoders (encoder_id) on delete cascade,
    constraint fk_movie_text_vectors_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade
);
create index ix_movie_text_vectors_movie_id on recsys.movie_text_vectors (movie_id);
comment on table recsys.movie_text_vectors is 'One row per encoder and film with a text.';
comment on column recsys.movie_text_vectors.encoder_id is 'The encoder.';
comment on column recsys.movie_text_vectors.movie_id is 'The film.';
comment on column recsys.movie_text_vectors.embedding is 'The film''s texts as a vector.';
comment on column recsys.movie_text_vectors.digest is
    'hashtextextended of the text that was encoded: another one is out of date.';

create table recsys.genre_units (
    encoder_id bigint not null,
    layer integer not null,
    unit integer not null,
    weights vector not null,
    bias real not null,
    genre text,
    threshold real,
    constraint pk_genre_units primary key (encoder_id, layer, unit),
    constraint fk_genre_units_encoder_id_text_encoders foreign key (encoder_id)
        references recsys.text_encoders (encoder_id) on delete cascade
);
comment on table recsys.genre_units is
    'One row per unit of the network that predicts genres from an encoder''s vectors.';
comment on column recsys.genre_units.encoder_id is 'The encoder whose vectors it reads.';
comment on column recsys.genre_units.layer is 'Layer, from 1; the last one has a unit a genre.';
comment on column recsys.genre_units.unit is 'Place in the layer, from 1.';
comment on column recsys.genre_units.weights is 'Weights of what the layer before gives.';
comment on column recsys.genre_units.bias is 'Added to the weighted sum.';
comment on column recsys.genre_units.genre is 'The genre, in the last layer.';
comment on column recsys.genre_units.threshold is
    'Least probability from which the genre is predicted, chosen on films held out for it.';

create table recsys.movie_genres_predicted (
    movie_id bigint not null,
    genre text not null,
    probability real not null,
    constraint pk_movie_genres_predicted primary key (movie_id, genre),
    constraint fk_movie_genres_predicted_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade,
    constraint fk_movie_genres_predicted_genre_genres foreign key (genre)
        references recsys.genres (name) on update cascade on delete cascade,
    constraint ck_movie_genres_predicted_probability check (probability between 0 and 1)
);
create index ix_movie_genres_predicted_genre on recsys.movie_genres_predicted (genre, movie_id);
comment on table recsys.movie_genres_predicted is
    'One row per film that lists no genre and genre predicted for it (`recsys genres predict`).';
comment on column recsys.movie_genres_predicted.movie_id is 'The film.';
comment on column recsys.movie_genres_predicted.genre is 'Name of the genre.';
comment on column recsys.movie_genres_predicted.probability is 'By the classifier, 0 to 1.';

create table recsys.content_features (
    model_id bigint not null,
    feature text not null,
    embedding vector not null,
    constraint pk_content_features primary key (model_id, feature),
    constraint fk_content_features_model_id_models foreign key (model_id)
        references recsys.models (model_id) on delete cascade
);
comment on table recsys.content_features is
    'One row per model and feature of a film''s content. The vector of a film that nobody likes is '
    'the sum of the vectors of its features, of intercept, and of what comes of its text.';
comment on column recsys.content_features.model_id is 'The model.';
comment on column recsys.content_features.feature is
    'Such as genre:Comedy, years:1990; text:none for a film without a text; or factor:17, for '
    'coordinate 17 of what comes of a text.';
comment on column recsys.content_features.embedding is
    'In the space of the film vectors; of a factor, in that of the texts'' vectors: its product '
    'with the text''s vector is the coordinate.';

alter table recsys.models add column encoder_id bigint;
alter table recsys.models add constraint fk_models_encoder_id_text_encoders
    foreign key (encoder_id) references recsys.text_encoders (encoder_id);
comment on column recsys.models.encoder_id is
    'Whose text vectors its content_features read; null without any.';
comment on column recsys.models.movie_count is
    'Number of films that the training, or a file, gave a vector.';
alter table recsys.movie_vectors add column content boolean not null default false;
comment on column recsys.movie_vectors.content is
    'Made from what the film is, since the training knew no rating of it.';
create index ix_tags_movie_id on recsys.tags (movie_id);

create type recsys.plot_match as (
    rank integer, movie_id bigint, title text, year integer, genres text[], score double precision
);
comment on type recsys.plot_match is 'One film whose texts match a query.';
create type recsys.predicted_genre as (genre text, probability real);
comment on type recsys.predicted_genre is 'A genre and how probable it is.';
create type recsys_internal.encoded_text as (terms sparsevec, embedding vector);
comment on type recsys_internal.encoded_text is
    'A text as weights of its terms and as a vector, both of length 1; null if nothing is known.';
"""

# What takes filters, and the filters themselves, now say whether predicted genres count.
FILTERS = """
drop function if exists recsys.recommend(
    bigint, integer, text[], text[], integer, integer, integer, bigint[], boolean, real, boolean,
    bigint);
drop function if exists recsys.similar_movies(
    bigint, integer, text[], text[], integer, integer, integer, bigint[], bigint);
drop function if exists recsys.more_like(
    bigint[], bigint[], integer, text[], text[], integer, integer, integer, bigint[], bigint);
drop function if exists recsys.recommend_group(
    bigint[], integer, text, text[], text[], integer, integer, integer, bigint[], bigint);
drop function if exists recsys_internal.find_filters(text[], text[], integer, integer, integer);
drop function if exists recsys_internal.filtered_movies(
    bigint[], bigint[], integer, integer, integer);
drop function if exists recsys_internal.complete_similar(
    recsys.models, vector, integer, bigint[], recsys_internal.filters);
alter type recsys_internal.filters add attribute predicted boolean;
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
alter type recsys_internal.filters drop attribute predicted;
drop type recsys_internal.encoded_text, recsys.predicted_genre, recsys.plot_match;
drop index recsys.ix_tags_movie_id;
delete from recsys.movie_vectors where content;
alter table recsys.movie_vectors drop column content;
alter table recsys.models drop column encoder_id;
comment on column recsys.models.movie_count is 'Number of films with a vector.';
drop table recsys.content_features, recsys.movie_genres_predicted, recsys.genre_units,
    recsys.movie_text_vectors, recsys.movie_terms, recsys.text_terms, recsys.text_encoders;
"""


def _run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def upgrade() -> None:
    _run(FILTERS)
    _run(TABLES)


def downgrade() -> None:
    _run(DOWNGRADE)
