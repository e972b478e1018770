{#- One row for each link and night: what makes a link is `backhaul_backlink_key`. Grouped answers and links that stand twice
    in a page are one. #}
{{ config(enabled=var('backhaul_backlinks_enabled')) }}

{% set key = var('backhaul_backlink_key') %}
{% set carried = ['url_from', 'url_to', 'anchor', 'link_type', 'root_name_source'] %}
select
    target,
    task_key,
    snapshot_date
    {%- for name in key %},
    {{ name }}
    {%- endfor %}
    {%- for name in carried if name not in key %},
    min({{ name }}) as {{ name }}
    {%- endfor %},
    max(domain_rating_source) as domain_rating_source,
    max(case when is_dofollow then 1 when not is_dofollow then 0 end) as is_dofollow
    {%- if 'first_seen_link' not in key %},
    min(first_seen_link) as first_seen_link
    {%- endif %}
from {{ ref('stg_backhaul__backlinks') }}
group by target, task_key, snapshot_date{% for name in key %}, {{ name }}{% endfor %}
