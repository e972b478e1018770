{{ config(enabled=var('backhaul_domain_rating_enabled') or var('backhaul_rating_history_enabled')) }}

with measured as (
    {% if var('backhaul_domain_rating_enabled') %}
    select
        ratings.target,
        ratings.snapshot_date,
        'snapshots' as found_by,
        1 as precedence,
        max(ratings.domain_rating) as domain_rating,
        max(ratings.ahrefs_rank) as ahrefs_rank
    from {{ ref('stg_backhaul__domain_rating') }} as ratings
    inner join {{ ref('int_backhaul__nights') }} as nights
        on nights.report = 'domain_rating'
        and ratings.target = nights.target
        and ratings.task_key = nights.task_key
        and ratings.snapshot_date = nights.snapshot_date
    group by ratings.target, ratings.snapshot_date
    {% endif %}

    {%- if var('backhaul_domain_rating_enabled') and var('backhaul_rating_history_enabled') %}
    union all
    {% endif %}

    {%- if var('backhaul_rating_history_enabled') %}
    select
        target,
        measured_on as snapshot_date,
        'history' as found_by,
        2 as precedence,
        max(domain_rating) as domain_rating,
        cast(null as {{ dbt.type_bigint() }}) as ahrefs_rank
    from {{ ref('stg_backhaul__rating_history') }}
    group by target, measured_on
    {% endif %}
),

{#- Where a night was measured itself, the history's word for the same date is not needed. #}
ranked as (
    select
        measured.*,
        row_number() over (partition by target, snapshot_date order by precedence) as place
    from measured
),

days as (
    select * from ranked where place = 1
),

month_before as (
    {{ backhaul.as_of('days', 30, ['target']) }}
)

select
    days.target,
    days.snapshot_date,
    {{ backhaul.first_day('week', 'days.snapshot_date') }} as snapshot_week,
    {{ backhaul.first_day('month', 'days.snapshot_date') }} as snapshot_month,
    days.found_by,
    days.domain_rating,
    days.ahrefs_rank,
    lag(days.snapshot_date) over (partition by days.target order by days.snapshot_date) as previous_snapshot_date,
    round(days.domain_rating - lag(days.domain_rating) over (partition by days.target order by days.snapshot_date), 2)
        as domain_rating_change,
    month_before.compared_date as month_before_date,
    round(days.domain_rating - then_days.domain_rating, 2) as domain_rating_change_month
from days
left join month_before
    on days.target = month_before.target
    and days.snapshot_date = month_before.snapshot_date
left join days as then_days
    on month_before.target = then_days.target
    and month_before.compared_date = then_days.snapshot_date
