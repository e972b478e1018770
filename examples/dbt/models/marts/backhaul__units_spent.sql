{#- What the rows of every night cost. A task that was fetched twice for its night counts what its rows cost in the end; where
    coverage says of a later night what a history still holds, that was paid on the night before and is not counted again. #}
with tasks as (
    select
        snapshot_date,
        table_name,
        target,
        status,
        coalesce(num_rows, 0) as num_rows,
        coalesce(units, 0) as units,
        coalesce(num_requests, 0) as num_requests,
        case
            when started_at is null then 1
            else row_number() over (partition by table_name, task_id, started_at order by snapshot_date)
        end as told
    from {{ ref('stg_backhaul__coverage') }}
)

select
    snapshot_date,
    {{ backhaul.first_day('month', 'snapshot_date') }} as snapshot_month,
    table_name,
    target,
    cast(sum(case when told = 1 then units else 0 end) as {{ dbt.type_bigint() }}) as units,
    cast(sum(num_rows) as {{ dbt.type_bigint() }}) as num_rows,
    cast(sum(case when told = 1 then num_requests else 0 end) as {{ dbt.type_bigint() }}) as num_requests,
    count(*) as tasks,
    cast(sum(case when status = 'complete' then 1 else 0 end) as {{ dbt.type_bigint() }}) as complete_tasks,
    cast(sum(case when status = 'capped' then 1 else 0 end) as {{ dbt.type_bigint() }}) as capped_tasks,
    cast(sum(case when status not in ('complete', 'capped') then 1 else 0 end) as {{ dbt.type_bigint() }}) as missed_tasks,
    {# Units that bought nothing that readers see. #}
    cast(sum(case when status not in ('complete', 'capped') and num_rows = 0 and told = 1 then units else 0 end) as {{ dbt.type_bigint() }})
        as units_without_rows,
    {{ backhaul.ratio('1000 * sum(case when told = 1 then units else 0 end)', 'sum(num_rows)') }} as units_per_1000_rows
    {%- if var('backhaul_price_per_1000_units') %},
    cast(sum(case when told = 1 then units else 0 end) as {{ backhaul.type_double() }}) / 1000
        * {{ var('backhaul_price_per_1000_units') }} as cost
    {%- endif %}
from tasks
group by snapshot_date, table_name, target
