create view recsys_bi.loads as
select l.run_id, l.source, l.format, l.id_space, l.status, l.message, l.rows_read, l.rows_loaded,
    l.rows_updated, l.rows_unchanged, l.rows_duplicate, l.rows_rejected,
    l.rows_rejected / nullif(l.rows_read, 0)::double precision as rejected_share,
    l.started_at, l.finished_at,
    extract(epoch from l.finished_at - l.started_at)::double precision as duration_s
from recsys.load_runs l;

comment on view recsys_bi.loads is 'One row per run of `recsys load`.';
comment on column recsys_bi.loads.run_id is 'Id of the run; later ones are higher.';
comment on column recsys_bi.loads.source is 'What was loaded.';
comment on column recsys_bi.loads.format is 'Its format; null where none was recognised.';
comment on column recsys_bi.loads.id_space is 'Whose numbers its film ids are.';
comment on column recsys_bi.loads.status is 'done, or refused: then nothing of it was loaded.';
comment on column recsys_bi.loads.message is 'Why it was refused.';
comment on column recsys_bi.loads.rows_read is 'Number of rows read; the next five add up to it.';
comment on column recsys_bi.loads.rows_loaded is 'Rows that were new.';
comment on column recsys_bi.loads.rows_updated is 'Rows that changed something.';
comment on column recsys_bi.loads.rows_unchanged is 'Rows that were there already.';
comment on column recsys_bi.loads.rows_duplicate is 'Rows that came twice in the source.';
comment on column recsys_bi.loads.rows_rejected is 'Rows that could not be taken.';
comment on column recsys_bi.loads.rejected_share is 'Their share of the rows read.';
comment on column recsys_bi.loads.started_at is 'When it began.';
comment on column recsys_bi.loads.finished_at is 'When it ended.';
comment on column recsys_bi.loads.duration_s is 'Seconds from then to then.';
