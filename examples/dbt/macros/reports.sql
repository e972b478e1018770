{# Reports of snapshots and changes that are exported: nights of histories are not compared. #}
{% macro nightly_reports() %}
    {%- set reports = [] -%}
    {%- for report in ['backlinks', 'refdomains', 'organic_keywords', 'domain_rating', 'metrics', 'anchors', 'link_changes'] -%}
        {%- if var('backhaul_' ~ report ~ '_enabled') -%}
            {%- do reports.append(report) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(reports) }}
{% endmacro %}

{# What came and what went between two complete nights of a task. `rows` is a model with one row for each thing and night, and
   `keys` are the columns that identify the thing; `columns` are carried along, those of what went from the last night that
   had it. Nights are numbered without gaps, missed ones having no number, so that a thing came if the night before lacks
   it, and went if the next night does. The first night of a task is where counting starts. #}
{% macro came_and_went(report, rows, keys, columns) %}
    with nights as (
        select * from {{ ref('int_backhaul__nights') }} where report = '{{ report }}'
    ),

    seen as (
        select
            things.target,
            things.task_key,
            {% for name in keys %}things.{{ name }},
            {% endfor -%}
            {% for name in columns %}things.{{ name }},
            {% endfor -%}
            nights.snapshot_date,
            nights.previous_snapshot_date,
            nights.night_number,
            nights.next_snapshot_date,
            lag(nights.night_number) over (
                partition by things.target, things.task_key{% for name in keys %}, things.{{ name }}{% endfor %}
                order by nights.night_number
            ) as seen_before,
            lead(nights.night_number) over (
                partition by things.target, things.task_key{% for name in keys %}, things.{{ name }}{% endfor %}
                order by nights.night_number
            ) as seen_after
        from {{ rows }} as things
        inner join nights
            on things.target = nights.target
            and things.task_key = nights.task_key
            and things.snapshot_date = nights.snapshot_date
    )

    select
        target,
        task_key,
        snapshot_date,
        previous_snapshot_date,
        'new' as change_type{% for name in keys + columns %},
        {{ name }}{% endfor %}
    from seen
    where night_number > 1 and coalesce(seen_before, 0) < night_number - 1

    union all

    select
        target,
        task_key,
        next_snapshot_date as snapshot_date,
        snapshot_date as previous_snapshot_date,
        'lost' as change_type{% for name in keys + columns %},
        {{ name }}{% endfor %}
    from seen
    where next_snapshot_date is not null and coalesce(seen_after, night_number + 2) > night_number + 1
{% endmacro %}
