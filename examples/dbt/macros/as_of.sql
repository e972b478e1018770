{# For each row of `rows` the newest date of the same task that is at most `days` days old or older: what a value is compared
   with over a span that nights may be missing from. #}
{% macro as_of(rows, days, keys) %}
    select
        {% for name in keys %}now_rows.{{ name }},
        {% endfor -%}
        now_rows.snapshot_date,
        max(then_rows.snapshot_date) as compared_date
    from {{ rows }} as now_rows
    inner join {{ rows }} as then_rows
        on {% for name in keys %}now_rows.{{ name }} = then_rows.{{ name }}
        and {% endfor -%}
        then_rows.snapshot_date <= {{ backhaul.days_from('now_rows.snapshot_date', -days) }}
        and then_rows.snapshot_date > {{ backhaul.days_from('now_rows.snapshot_date', -2 * days) }}
    group by {% for name in keys %}now_rows.{{ name }}, {% endfor %}now_rows.snapshot_date
{% endmacro %}
