create or replace function recsys_internal.always_valid_margin(
    variance double precision,
    alpha double precision default 0.05
)
returns double precision
language sql immutable
as $$
select sqrt(variance * (variance + 0.01) / 0.01 * ln(
    (variance + 0.01) / (nullif(variance, 0) * alpha * alpha)))
$$;

comment on function recsys_internal.always_valid_margin is
    'Half the width of an interval around an estimate of this variance, such that with chance '
    '1 - alpha the truth is in it at all looks at once, however many: Robbins'' normal mixture '
    '(1970), as in Johari et al. (2017) and Waudby-Smith et al. (2024). The mixture has a standard '
    'deviation of 0.1, the size of lifts for which the interval is narrowest.';
