{#- The complete nights of every task, numbered. Only these are compared: a night that is missing, failed, stopped, deferred
    or capped says nothing about what went. A complete night without rows stands here too, since it says that all went. #}
{% set since = var('backhaul_compare_since') %}
{% set reports = backhaul.nightly_reports() %}

with complete as (
    {% for report in reports -%}
    {% set parameters = backhaul.parameters_of(report) -%}
    select
        '{{ report }}' as report,
        target,
        {{ backhaul.task_key(parameters, json='parameters') }} as task_key,
        {% if 'country' in parameters %}{{ backhaul.json_text('parameters', 'country') }}{% else %}cast('' as {{ dbt.type_string() }}){% endif %} as country,
        snapshot_date,
        case when {{ backhaul.json_text('evidence', 'changes_since') }} = 'base' then 1 else 0 end as is_base
    from {{ ref('stg_backhaul__coverage') }}
    where status = 'complete'
        and table_name = '{{ var('backhaul_' ~ report ~ '_table') }}'
        {%- if report in since and report != 'link_changes' %}
        and snapshot_date >= cast('{{ since[report] }}' as date)
        {%- endif %}
    {% if not loop.last %}
    union all

    {% endif %}
    {%- endfor %}
    {%- if not reports %}
    select
        cast('' as {{ dbt.type_string() }}) as report,
        target,
        parameters as task_key,
        parameters as country,
        snapshot_date,
        0 as is_base
    from {{ ref('stg_backhaul__coverage') }}
    where 1 = 0
    {%- endif %}
)

select
    report,
    target,
    task_key,
    country,
    snapshot_date,
    is_base,
    row_number() over (partition by report, target, task_key order by snapshot_date) as night_number,
    lag(snapshot_date) over (partition by report, target, task_key order by snapshot_date) as previous_snapshot_date,
    lead(snapshot_date) over (partition by report, target, task_key order by snapshot_date) as next_snapshot_date,
    {#- Of reports of changes: which base a night builds on. #}
    cast(sum(is_base) over (
        partition by report, target, task_key order by snapshot_date
        rows between unbounded preceding and current row
    ) as {{ dbt.type_bigint() }}) as base_number
from complete
