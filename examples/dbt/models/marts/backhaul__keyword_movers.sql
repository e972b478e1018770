{{ config(enabled=var('backhaul_organic_keywords_enabled')) }}

with nights as (
    select * from {{ ref('int_backhaul__nights') }} where report = 'organic_keywords'
),

seen as (
    select
        keywords.*,
        nights.night_number,
        nights.previous_snapshot_date,
        nights.next_snapshot_date,
        lag(nights.night_number) over (
            partition by keywords.target, keywords.task_key, keywords.country, keywords.keyword, keywords.language
            order by nights.night_number
        ) as seen_before,
        lead(nights.night_number) over (
            partition by keywords.target, keywords.task_key, keywords.country, keywords.keyword, keywords.language
            order by nights.night_number
        ) as seen_after,
        lag(keywords.best_position) over (
            partition by keywords.target, keywords.task_key, keywords.country, keywords.keyword, keywords.language
            order by nights.night_number
        ) as last_position,
        lag(keywords.traffic) over (
            partition by keywords.target, keywords.task_key, keywords.country, keywords.keyword, keywords.language
            order by nights.night_number
        ) as last_traffic
    from {{ ref('int_backhaul__keywords') }} as keywords
    inner join nights
        on keywords.target = nights.target
        and keywords.task_key = nights.task_key
        and keywords.snapshot_date = nights.snapshot_date
),

compared as (
    {#- Keywords of tonight, beside what they were on the complete night before. #}
    select
        target,
        task_key,
        country,
        snapshot_date,
        previous_snapshot_date,
        keyword,
        language,
        case when coalesce(seen_before, 0) = night_number - 1 then 1 else 0 end as was_there,
        1 as is_there,
        case when coalesce(seen_before, 0) = night_number - 1 then last_position end as previous_position,
        best_position,
        case when coalesce(seen_before, 0) = night_number - 1 then last_traffic end as previous_traffic,
        traffic,
        best_position_url,
        volume,
        keyword_difficulty,
        cpc,
        is_branded
    from seen
    where night_number > 1

    union all

    {#- Keywords that the next complete night lacks, dated by it. #}
    select
        target,
        task_key,
        country,
        next_snapshot_date as snapshot_date,
        snapshot_date as previous_snapshot_date,
        keyword,
        language,
        1 as was_there,
        0 as is_there,
        best_position as previous_position,
        cast(null as {{ dbt.type_bigint() }}) as best_position,
        traffic as previous_traffic,
        cast(null as {{ dbt.type_bigint() }}) as traffic,
        best_position_url,
        volume,
        keyword_difficulty,
        cpc,
        is_branded
    from seen
    where next_snapshot_date is not null and coalesce(seen_after, night_number + 2) > night_number + 1
),

moved as (
    select
        compared.*,
        case
            when was_there = 0 then 'new'
            when is_there = 0 then 'lost'
            when best_position < previous_position or (previous_position is null and best_position is not null) then 'improved'
            when best_position > previous_position or (previous_position is not null and best_position is null) then 'declined'
            else 'unchanged'
        end as movement
    from compared
)

select
    target,
    task_key,
    country,
    snapshot_date,
    previous_snapshot_date,
    keyword,
    language,
    movement,
    previous_position,
    best_position,
    {#- Places won; null where there is no place to compare with. #}
    previous_position - best_position as positions_gained,
    coalesce(traffic, 0) - coalesce(previous_traffic, 0) as traffic_change,
    previous_traffic,
    traffic,
    best_position_url,
    volume,
    keyword_difficulty,
    cpc as cpc_usd,
    case is_branded when 1 then true when 0 then false end as is_branded
from moved
where movement <> 'unchanged'
