{{ config(enabled=var('backhaul_metrics_enabled') or var('backhaul_metrics_history_enabled')) }}

with measured as (
    {% if var('backhaul_metrics_enabled') %}
    select
        metrics.target,
        metrics.task_key,
        metrics.snapshot_date,
        'snapshots' as found_by,
        1 as precedence,
        metrics.org_traffic,
        metrics.org_keywords,
        metrics.org_keywords_1_3,
        metrics.org_cost,
        metrics.paid_traffic,
        metrics.paid_keywords,
        metrics.paid_cost
    from {{ ref('stg_backhaul__metrics') }} as metrics
    inner join {{ ref('int_backhaul__nights') }} as nights
        on nights.report = 'metrics'
        and metrics.target = nights.target
        and metrics.task_key = nights.task_key
        and metrics.snapshot_date = nights.snapshot_date
    {% endif %}

    {%- if var('backhaul_metrics_enabled') and var('backhaul_metrics_history_enabled') %}
    union all
    {% endif %}

    {%- if var('backhaul_metrics_history_enabled') %}
    select
        target,
        task_key,
        measured_on as snapshot_date,
        'history' as found_by,
        2 as precedence,
        org_traffic,
        cast(null as {{ dbt.type_bigint() }}) as org_keywords,
        cast(null as {{ dbt.type_bigint() }}) as org_keywords_1_3,
        org_cost,
        paid_traffic,
        cast(null as {{ dbt.type_bigint() }}) as paid_keywords,
        paid_cost
    from {{ ref('stg_backhaul__metrics_history') }}
    {% endif %}
),

ranked as (
    select
        measured.*,
        row_number() over (partition by target, task_key, snapshot_date order by precedence) as place
    from measured
),

days as (
    select * from ranked where place = 1
),

month_before as (
    {{ backhaul.as_of('days', 30, ['target', 'task_key']) }}
)

select
    days.target,
    days.task_key,
    days.snapshot_date,
    {{ backhaul.first_day('week', 'days.snapshot_date') }} as snapshot_week,
    {{ backhaul.first_day('month', 'days.snapshot_date') }} as snapshot_month,
    days.found_by,
    days.org_traffic as organic_traffic,
    days.org_keywords as organic_keywords,
    days.org_keywords_1_3 as organic_keywords_top_3,
    {{ backhaul.currency('days.org_cost') }} as organic_traffic_value_usd,
    days.paid_traffic,
    days.paid_keywords,
    {{ backhaul.currency('days.paid_cost') }} as paid_traffic_cost_usd,
    lag(days.snapshot_date) over (partition by days.target, days.task_key order by days.snapshot_date) as previous_snapshot_date,
    days.org_traffic - lag(days.org_traffic) over (partition by days.target, days.task_key order by days.snapshot_date)
        as organic_traffic_change,
    month_before.compared_date as month_before_date,
    days.org_traffic - then_days.org_traffic as organic_traffic_change_month,
    {{ backhaul.ratio('days.org_traffic - then_days.org_traffic', 'then_days.org_traffic') }}
        as organic_traffic_change_month_ratio
from days
left join month_before
    on days.target = month_before.target
    and days.task_key = month_before.task_key
    and days.snapshot_date = month_before.snapshot_date
left join days as then_days
    on month_before.target = then_days.target
    and month_before.task_key = then_days.task_key
    and month_before.compared_date = then_days.snapshot_date
