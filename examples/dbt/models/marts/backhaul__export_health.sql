{#- How well each task is covered: for a page that says how far the other models can be trusted. #}
with nights as (
    select
        table_name,
        target,
        parameters,
        task_id,
        min(snapshot_date) as first_night,
        max(snapshot_date) as last_night,
        max(case when status = 'complete' then snapshot_date end) as last_complete_night,
        count(*) as nights,
        cast(sum(case when status = 'complete' then 1 else 0 end) as {{ dbt.type_bigint() }}) as complete_nights,
        cast(sum(case when status = 'capped' then 1 else 0 end) as {{ dbt.type_bigint() }}) as capped_nights,
        cast(sum(case when status not in ('complete', 'capped') then 1 else 0 end) as {{ dbt.type_bigint() }}) as missed_nights
    from {{ ref('stg_backhaul__coverage') }}
    group by table_name, target, parameters, task_id
),

newest as (
    select max(snapshot_date) as newest_night from {{ ref('stg_backhaul__coverage') }}
)

select
    nights.table_name,
    nights.target,
    nights.parameters,
    nights.task_id,
    nights.first_night,
    nights.last_night,
    nights.last_complete_night,
    last_told.status as last_status,
    last_told.reason as last_reason,
    nights.nights,
    nights.complete_nights,
    nights.capped_nights,
    nights.missed_nights,
    {{ dbt.datediff('nights.last_complete_night', 'newest.newest_night', 'day') }} as days_behind,
    case
        when nights.last_complete_night is null then true
        when {{ dbt.datediff('nights.last_complete_night', 'newest.newest_night', 'day') }} > {{ var('backhaul_stale_days') }} then true
        else false
    end as is_stale
from nights
cross join newest
inner join {{ ref('stg_backhaul__coverage') }} as last_told
    on nights.task_id = last_told.task_id
    and nights.table_name = last_told.table_name
    and nights.last_night = last_told.snapshot_date
