{{ config(enabled=var('backhaul_refdomains_enabled')) }}

select
    target,
    task_key,
    snapshot_date,
    refdomain,
    max(domain_rating) as domain_rating,
    max(links_to_target) as links_to_target,
    max(dofollow_links) as dofollow_links
from {{ ref('stg_backhaul__refdomains') }}
where refdomain is not null
group by target, task_key, snapshot_date, refdomain
