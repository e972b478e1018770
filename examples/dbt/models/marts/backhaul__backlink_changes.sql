{{ config(enabled=var('backhaul_backlinks_enabled') or var('backhaul_link_changes_enabled')) }}

{% set key = var('backhaul_backlink_key') %}
{% set columns = ['url_from', 'url_to', 'anchor', 'link_type', 'root_name_source', 'domain_rating_source', 'is_dofollow', 'first_seen_link'] %}
{% set output %}
    target,
    task_key,
    snapshot_date,
    previous_snapshot_date,
    change_type,
    url_from,
    url_to,
    anchor,
    link_type,
    root_name_source,
    domain_rating_source,
    case is_dofollow when 1 then true when 0 then false end as is_dofollow,
    first_seen_link
{%- endset %}

{% if var('backhaul_backlinks_enabled') %}
select
    'snapshots' as found_by,
    {{ output }}
from (
    {{ backhaul.came_and_went('backlinks', ref('int_backhaul__backlinks'), key, columns | reject('in', key) | list) }}
) as changes
{% endif %}

{%- if var('backhaul_backlinks_enabled') and var('backhaul_link_changes_enabled') %}
union all
{% endif %}

{%- if var('backhaul_link_changes_enabled') %}
select
    'changes' as found_by,
    {{ output }}
from {{ ref('int_backhaul__link_events') }}
where change_type <> 'base'
{% endif %}
