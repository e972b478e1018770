{#- Domains of the links that a report of changes adds up to: how many live links each has after every night that told
    anything of it. #}
{{ config(enabled=var('backhaul_link_changes_enabled')) }}

with told as (
    select
        target,
        task_key,
        base_number,
        night_number,
        snapshot_date,
        root_name_source as refdomain,
        max(domain_rating_source) as domain_rating,
        min(previous_snapshot_date) as previous_snapshot_date,
        max(case when change_type = 'base' then 1 else 0 end) as is_base,
        cast(sum(num_links) as {{ dbt.type_bigint() }}) as num_links
    from {{ ref('int_backhaul__link_events') }}
    where root_name_source is not null
    group by target, task_key, base_number, night_number, snapshot_date, root_name_source
)

select
    target,
    task_key,
    base_number,
    night_number,
    snapshot_date,
    previous_snapshot_date,
    refdomain,
    domain_rating,
    is_base,
    num_links,
    cast(sum(num_links) over (
        partition by target, task_key, base_number, refdomain order by night_number
        rows between unbounded preceding and current row
    ) as {{ dbt.type_bigint() }}) as live_links
from told
