create or replace function recsys_internal.refresh_text(encoder_id bigint, movie_id bigint)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
    title text;
    plot text;
    keywords text;
    weighed bigint;
    encoded recsys_internal.encoded_text;
begin
    -- Of two who change one film, the second reads what the first has written.
    select t.digest into weighed
    from recsys.movie_terms t
    where t.encoder_id = refresh_text.encoder_id and t.movie_id = refresh_text.movie_id for update;
    title := (select m.title from recsys.movies m where m.movie_id = refresh_text.movie_id);
    plot := recsys_internal.movie_text(refresh_text.movie_id);
    keywords := recsys_internal.movie_keywords(refresh_text.movie_id);
    if weighed = recsys_internal.words_digest(title, plot, keywords) then
        return;  -- something else of the film changed: a genre, say
    end if;
    encoded := recsys_internal.encode_text(refresh_text.encoder_id, plot);
    insert into recsys.movie_terms as t (encoder_id, movie_id, plot, title, keywords, digest)
    values (refresh_text.encoder_id, refresh_text.movie_id, encoded.terms,
        recsys_internal.weigh_text(refresh_text.encoder_id, title),
        recsys_internal.weigh_text(refresh_text.encoder_id, keywords),
        recsys_internal.words_digest(title, plot, keywords))
    on conflict on constraint pk_movie_terms do update
    set plot = excluded.plot, title = excluded.title, keywords = excluded.keywords,
        digest = excluded.digest;
    if encoded.embedding is null then
        delete from recsys.movie_text_vectors v
        where v.encoder_id = refresh_text.encoder_id and v.movie_id = refresh_text.movie_id;
    else
        insert into recsys.movie_text_vectors as v (encoder_id, movie_id, embedding, digest)
        values (refresh_text.encoder_id, refresh_text.movie_id, encoded.embedding,
            hashtextextended(plot, 0))
        on conflict on constraint pk_movie_text_vectors do update
        set embedding = excluded.embedding, digest = excluded.digest;
    end if;
end
$$;

comment on function recsys_internal.refresh_text is
    'Weighs the words of one film again if they changed, and makes the vector of its texts.';

create or replace function recsys_internal.refresh_texts()
returns void
language sql
as $$
    select recsys_internal.refresh_text(e.encoder_id, m.movie_id)
    from recsys_internal.term_encoders() e (encoder_id)
    cross join recsys.movies m
    left join recsys.movie_terms t on t.encoder_id = e.encoder_id and t.movie_id = m.movie_id
    where t.digest is distinct from recsys_internal.words_digest(
        m.title, recsys_internal.movie_text(m.movie_id),
        recsys_internal.movie_keywords(m.movie_id))
    order by e.encoder_id, m.movie_id  -- two of these wait for each other in turn
$$;

comment on function recsys_internal.refresh_texts is
    'Does so for the films whose words are not those that were weighed.';

-- Of a learning without its terms, as an evaluation copies it, the vectors stay as they are.
create or replace function recsys_internal.term_encoders()
returns setof bigint
language sql stable
as $$
    select e.encoder_id
    from recsys.text_encoders e
    where e.name = 'terms'
      and e.encoder_id in (
        (recsys_internal.find_encoder('terms')).encoder_id,
        (recsys_internal.find_model(null)).encoder_id)
      and exists (select from recsys.text_terms t where t.encoder_id = e.encoder_id)
$$;

comment on function recsys_internal.term_encoders is
    'The learnings of terms that are in use: the newest, and the active model''s.';
