create materialized view recsys_internal.bi_freshness as
select now() as refreshed_at, count(*) as rating_count, max(r.rated_at) as newest_rated_at
from recsys.ratings r;

create unique index uq_bi_freshness on recsys_internal.bi_freshness (refreshed_at);

comment on materialized view recsys_internal.bi_freshness is
    'One row: what recsys_bi.freshness shows.';
