-- The effects of feedback are decided in this file and read everywhere else: docs/feedback.md.
create or replace function recsys_internal.watched(kind text)
returns boolean
language sql immutable
as $$
    select kind in ('seen', 'liked', 'played')
$$;

comment on function recsys_internal.watched is
    'Whether feedback says that a film was watched: it leaves the lists, as one that is rated.';

create or replace function recsys_internal.away(kind text, at timestamptz)
returns boolean
language sql stable
as $$
    select kind = 'hidden' or kind = 'not_now' and at > statement_timestamp() - interval '30 days'
$$;

comment on function recsys_internal.away is
    'Whether feedback keeps a film out of the lists, rated or not: for good, or for 30 days.';
