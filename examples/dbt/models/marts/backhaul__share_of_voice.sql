{{ config(enabled=var('backhaul_organic_keywords_enabled')) }}

{#- A target that a night missed stands in with its last complete night, for `backhaul_carry_days`, so that the others do not
    seem to win what nobody measured. #}
{% set label = var('backhaul_market_label') %}
with measured as (
    select
        distribution.target,
        distribution.task_key,
        distribution.country,
        {% if label -%}
        coalesce({{ backhaul.json_text('targets.labels', label) }}, '')
        {%- else -%}
        'all'
        {%- endif %} as market,
        distribution.snapshot_date,
        distribution.keywords,
        distribution.traffic
    from {{ ref('backhaul__position_distribution') }} as distribution
    {%- if label %}
    inner join {{ ref('stg_backhaul__targets') }} as targets
        on distribution.target = targets.target
    {%- endif %}
),

nights as (
    select distinct market, task_key, country, snapshot_date
    from measured
),

known as (
    select
        nights.market,
        nights.task_key,
        nights.country,
        nights.snapshot_date,
        measured.target,
        max(measured.snapshot_date) as measured_on
    from nights
    inner join measured
        on nights.market = measured.market
        and nights.task_key = measured.task_key
        and nights.country = measured.country
        and measured.snapshot_date <= nights.snapshot_date
        and measured.snapshot_date >= {{ backhaul.days_from('nights.snapshot_date', -var('backhaul_carry_days')) }}
    group by nights.market, nights.task_key, nights.country, nights.snapshot_date, measured.target
),

shares as (
    select
        known.market,
        known.task_key,
        known.country,
        known.snapshot_date,
        known.target,
        known.measured_on,
        measured.keywords,
        measured.traffic,
        cast(sum(measured.traffic) over (
            partition by known.market, known.task_key, known.country, known.snapshot_date
        ) as {{ dbt.type_bigint() }}) as market_traffic,
        count(*) over (
            partition by known.market, known.task_key, known.country, known.snapshot_date
        ) as market_targets
    from known
    inner join measured
        on known.market = measured.market
        and known.task_key = measured.task_key
        and known.country = measured.country
        and known.target = measured.target
        and known.measured_on = measured.snapshot_date
)

select
    market,
    task_key,
    country,
    snapshot_date,
    target,
    measured_on,
    case when measured_on < snapshot_date then true else false end as is_carried,
    keywords,
    traffic,
    market_traffic,
    market_targets,
    {{ backhaul.ratio('traffic', 'market_traffic') }} as share_of_voice
from shares
