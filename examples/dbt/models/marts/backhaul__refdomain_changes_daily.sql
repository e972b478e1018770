{{ config(enabled=var('backhaul_refdomains_enabled') or var('backhaul_link_changes_enabled')) }}

with changes as (
    select
        found_by,
        target,
        task_key,
        snapshot_date,
        cast(sum(case when change_type = 'new' then 1 else 0 end) as {{ dbt.type_bigint() }}) as new_refdomains,
        cast(sum(case when change_type = 'lost' then 1 else 0 end) as {{ dbt.type_bigint() }}) as lost_refdomains
    from {{ ref('backhaul__refdomain_changes') }}
    group by found_by, target, task_key, snapshot_date
),

nights as (
    select
        case nights.report when 'refdomains' then 'snapshots' else 'changes' end as found_by,
        nights.*
    from {{ ref('int_backhaul__nights') }} as nights
    where nights.report = 'refdomains' or (nights.report = 'link_changes' and nights.base_number > 0)
),

{#- What a task's first night, or its base, had; later nights add what came and take off what went. #}
started as (
    {% if var('backhaul_refdomains_enabled') %}
    select 'snapshots' as found_by, target, task_key, snapshot_date, count(*) as refdomains
    from {{ ref('int_backhaul__refdomains') }}
    group by target, task_key, snapshot_date
    {% endif %}

    {%- if var('backhaul_refdomains_enabled') and var('backhaul_link_changes_enabled') %}
    union all
    {% endif %}

    {%- if var('backhaul_link_changes_enabled') %}
    select 'changes' as found_by, target, task_key, snapshot_date, count(*) as refdomains
    from {{ ref('int_backhaul__linking_domains') }}
    where is_base = 1
    group by target, task_key, snapshot_date
    {% endif %}
)

select
    nights.found_by,
    nights.target,
    nights.task_key,
    nights.snapshot_date,
    case when nights.is_base = 0 then nights.previous_snapshot_date end as previous_snapshot_date,
    case
        when nights.found_by = 'snapshots' then coalesce(started.refdomains, 0)
        else cast(sum(
            coalesce(started.refdomains, 0) + coalesce(changes.new_refdomains, 0) - coalesce(changes.lost_refdomains, 0)
        ) over (
            partition by nights.found_by, nights.target, nights.task_key, nights.base_number
            order by nights.night_number rows between unbounded preceding and current row
        ) as {{ dbt.type_bigint() }})
    end as live_refdomains,
    coalesce(changes.new_refdomains, 0) as new_refdomains,
    coalesce(changes.lost_refdomains, 0) as lost_refdomains,
    coalesce(changes.new_refdomains, 0) - coalesce(changes.lost_refdomains, 0) as net_refdomains
from nights
left join changes
    on nights.found_by = changes.found_by
    and nights.target = changes.target
    and nights.task_key = changes.task_key
    and nights.snapshot_date = changes.snapshot_date
left join started
    on nights.found_by = started.found_by
    and nights.target = started.target
    and nights.task_key = started.task_key
    and nights.snapshot_date = started.snapshot_date
