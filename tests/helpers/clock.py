"""Rows as a clock leaves them that was set back."""

# The newest of each time is that of tomorrow. Experiments stay: one that begins then does not run.
TOMORROW = """
    do $$
    declare
        place record;
    begin
        for place in
            select format('%I.%I', c.table_schema, c.table_name) as held, quote_ident(c.column_name) as time
            from information_schema.columns c
            join information_schema.tables t using (table_schema, table_name)
            where c.table_schema = 'recsys' and t.table_type = 'BASE TABLE' and c.table_name <> 'experiments'
              and c.data_type = 'timestamp with time zone'
        loop
            execute format('update %1$s set %2$s = %2$s + (select now() + interval ''1 day'' - max(%2$s)'
                ' from %1$s)', place.held, place.time);
        end loop;
    end
    $$;
"""
