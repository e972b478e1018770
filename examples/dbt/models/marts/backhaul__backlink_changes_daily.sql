{{ config(enabled=var('backhaul_backlinks_enabled') or var('backhaul_link_changes_enabled')) }}

with changes as (
    select
        found_by,
        target,
        task_key,
        snapshot_date,
        cast(sum(case when change_type = 'new' then 1 else 0 end) as {{ dbt.type_bigint() }}) as new_links,
        cast(sum(case when change_type = 'lost' then 1 else 0 end) as {{ dbt.type_bigint() }}) as lost_links,
        cast(sum(case when change_type = 'new' and is_dofollow then 1 else 0 end) as {{ dbt.type_bigint() }}) as new_dofollow_links,
        cast(sum(case when change_type = 'lost' and is_dofollow then 1 else 0 end) as {{ dbt.type_bigint() }}) as lost_dofollow_links
    from {{ ref('backhaul__backlink_changes') }}
    group by found_by, target, task_key, snapshot_date
),

live as (
    {% if var('backhaul_backlinks_enabled') %}
    select 'snapshots' as found_by, target, task_key, snapshot_date, count(*) as live_links
    from {{ ref('int_backhaul__backlinks') }}
    group by target, task_key, snapshot_date
    {% endif %}

    {%- if var('backhaul_backlinks_enabled') and var('backhaul_link_changes_enabled') %}
    union all
    {% endif %}

    {%- if var('backhaul_link_changes_enabled') %}
    {#- Added up since the base, also on nights that had no event. #}
    select
        'changes' as found_by,
        nights.target,
        nights.task_key,
        nights.snapshot_date,
        cast(sum(coalesce(events.num_links, 0)) over (
            partition by nights.target, nights.task_key, nights.base_number order by nights.night_number
            rows between unbounded preceding and current row
        ) as {{ dbt.type_bigint() }}) as live_links
    from {{ ref('int_backhaul__nights') }} as nights
    left join (
        select target, task_key, snapshot_date, cast(sum(num_links) as {{ dbt.type_bigint() }}) as num_links
        from {{ ref('int_backhaul__link_events') }}
        group by target, task_key, snapshot_date
    ) as events
        on nights.target = events.target
        and nights.task_key = events.task_key
        and nights.snapshot_date = events.snapshot_date
    where nights.report = 'link_changes' and nights.base_number > 0
    {% endif %}
)

select
    case nights.report when 'backlinks' then 'snapshots' else 'changes' end as found_by,
    nights.target,
    nights.task_key,
    nights.snapshot_date,
    {#- A base is where counting starts again. #}
    case when nights.is_base = 0 then nights.previous_snapshot_date end as previous_snapshot_date,
    coalesce(live.live_links, 0) as live_links,
    coalesce(changes.new_links, 0) as new_links,
    coalesce(changes.lost_links, 0) as lost_links,
    coalesce(changes.new_links, 0) - coalesce(changes.lost_links, 0) as net_links,
    coalesce(changes.new_dofollow_links, 0) as new_dofollow_links,
    coalesce(changes.lost_dofollow_links, 0) as lost_dofollow_links
from {{ ref('int_backhaul__nights') }} as nights
left join changes
    on changes.found_by = case nights.report when 'backlinks' then 'snapshots' else 'changes' end
    and nights.target = changes.target
    and nights.task_key = changes.task_key
    and nights.snapshot_date = changes.snapshot_date
left join live
    on live.found_by = case nights.report when 'backlinks' then 'snapshots' else 'changes' end
    and nights.target = live.target
    and nights.task_key = live.task_key
    and nights.snapshot_date = live.snapshot_date
where nights.report = 'backlinks' or (nights.report = 'link_changes' and nights.base_number > 0)
