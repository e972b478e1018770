select
    cast(_snapshot_date as date) as snapshot_date,
    report as table_name,
    target,
    parameters,
    task as task_id,
    status,
    reason,
    evidence,
    {{ backhaul.column('rows') }} as num_rows,
    duplicate_rows as num_duplicate_rows,
    units,
    requests as num_requests,
    started_at,
    finished_at,
    run as run_id
from {{ source('backhaul', 'coverage') }}
