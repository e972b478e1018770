{#- What the rows of every night cost. A task that was fetched twice for its night counts what its rows cost in the end. -#}
select
    snapshot_date,
    {{ backhaul.first_day('month', 'snapshot_date') }} as snapshot_month,
    table_name,
    target,
    sum(coalesce(units, 0)) as units,
    sum(coalesce(num_rows, 0)) as num_rows,
    sum(coalesce(num_requests, 0)) as num_requests,
    count(*) as tasks,
    sum(case when status = 'complete' then 1 else 0 end) as complete_tasks,
    sum(case when status = 'capped' then 1 else 0 end) as capped_tasks,
    sum(case when status not in ('complete', 'capped') then 1 else 0 end) as missed_tasks,
    {#- Units that bought nothing that readers see. -#}
    sum(case when status not in ('complete', 'capped') and coalesce(num_rows, 0) = 0 then coalesce(units, 0) else 0 end)
        as units_without_rows,
    {{ backhaul.ratio('1000 * sum(coalesce(units, 0))', 'sum(coalesce(num_rows, 0))') }} as units_per_1000_rows
    {%- if var('backhaul_price_per_1000_units') %},
    cast(sum(coalesce(units, 0)) as {{ backhaul.type_double() }}) / 1000 * {{ var('backhaul_price_per_1000_units') }} as cost
    {%- endif %}
from {{ ref('stg_backhaul__coverage') }}
group by snapshot_date, table_name, target
