{{ config(enabled=var('backhaul_refdomains_enabled') or var('backhaul_link_changes_enabled')) }}

{% if var('backhaul_refdomains_enabled') %}
select
    'snapshots' as found_by,
    target,
    task_key,
    snapshot_date,
    previous_snapshot_date,
    change_type,
    refdomain,
    domain_rating,
    links_to_target
from (
    {{ backhaul.came_and_went('refdomains', ref('int_backhaul__refdomains'), ['refdomain'], ['domain_rating', 'links_to_target']) }}
) as changes
{% endif %}

{%- if var('backhaul_refdomains_enabled') and var('backhaul_link_changes_enabled') %}
union all
{% endif %}

{%- if var('backhaul_link_changes_enabled') %}
select
    'changes' as found_by,
    target,
    task_key,
    snapshot_date,
    previous_snapshot_date,
    case when live_links > 0 then 'new' else 'lost' end as change_type,
    refdomain,
    domain_rating,
    {#- Links that it came with, or that went with it. #}
    abs(num_links) as links_to_target
from {{ ref('int_backhaul__linking_domains') }}
where is_base = 0
    and ((live_links > 0 and live_links - num_links = 0) or (live_links = 0 and num_links < 0))
{% endif %}
