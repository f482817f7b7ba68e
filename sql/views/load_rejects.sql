create view recsys_bi.load_rejects as
select r.run_id, r.file, r.reason, count(*) as row_count, min(r.line) as first_line
from recsys.load_rejects r
group by r.run_id, r.file, r.reason;

comment on view recsys_bi.load_rejects is
    'One row per load, file and reason for which rows could not be taken; the rows themselves '
    'are in recsys.load_rejects, for its owner alone.';
comment on column recsys_bi.load_rejects.run_id is 'Id of the run: recsys_bi.loads.';
comment on column recsys_bi.load_rejects.file is 'Name of the file.';
comment on column recsys_bi.load_rejects.reason is 'Why the rows could not be taken.';
comment on column recsys_bi.load_rejects.row_count is 'Number of such rows.';
comment on column recsys_bi.load_rejects.first_line is
    'Line of the first one; null where lines have no numbers.';
