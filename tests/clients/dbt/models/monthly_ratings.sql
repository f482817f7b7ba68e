select rated_month, count(*) as rating_count, avg(rating) as rating_mean
from {{ source('recsys_bi', 'ratings') }}
group by rated_month
