{{ config(enabled=var('backhaul_organic_keywords_enabled')) }}

with counted as (
    select
        target,
        task_key,
        country,
        snapshot_date,
        count(*) as keywords,
        cast(sum(case when best_position <= 3 then 1 else 0 end) as {{ dbt.type_bigint() }}) as position_1_3,
        cast(sum(case when best_position between 4 and 10 then 1 else 0 end) as {{ dbt.type_bigint() }}) as position_4_10,
        cast(sum(case when best_position between 11 and 20 then 1 else 0 end) as {{ dbt.type_bigint() }}) as position_11_20,
        cast(sum(case when best_position between 21 and 50 then 1 else 0 end) as {{ dbt.type_bigint() }}) as position_21_50,
        cast(sum(case when best_position between 51 and 100 then 1 else 0 end) as {{ dbt.type_bigint() }}) as position_51_100,
        cast(sum(case when best_position > 100 or best_position is null then 1 else 0 end) as {{ dbt.type_bigint() }}) as position_beyond,
        cast(sum(coalesce(traffic, 0)) as {{ dbt.type_bigint() }}) as traffic,
        avg(best_position) as average_position
    from {{ ref('int_backhaul__keywords') }}
    group by target, task_key, country, snapshot_date
)

{#- A complete night without keywords is a row of zeros. #}
select
    nights.target,
    nights.task_key,
    coalesce(counted.country, nights.country) as country,
    nights.snapshot_date,
    coalesce(counted.keywords, 0) as keywords,
    coalesce(counted.position_1_3, 0) as position_1_3,
    coalesce(counted.position_4_10, 0) as position_4_10,
    coalesce(counted.position_11_20, 0) as position_11_20,
    coalesce(counted.position_21_50, 0) as position_21_50,
    coalesce(counted.position_51_100, 0) as position_51_100,
    coalesce(counted.position_beyond, 0) as position_beyond,
    coalesce(counted.traffic, 0) as traffic,
    counted.average_position,
    {{ backhaul.ratio('counted.position_1_3 + counted.position_4_10', 'counted.keywords') }} as share_of_first_page
from {{ ref('int_backhaul__nights') }} as nights
left join counted
    on nights.target = counted.target
    and nights.task_key = counted.task_key
    and nights.snapshot_date = counted.snapshot_date
where nights.report = 'organic_keywords'
