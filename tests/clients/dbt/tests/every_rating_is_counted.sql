-- A row here is a fault.
select *
from (select sum(rating_count) as counted from {{ ref('monthly_ratings') }}) m
cross join (select count(*) as there from {{ source('recsys_bi', 'ratings') }}) r
where counted is distinct from there
