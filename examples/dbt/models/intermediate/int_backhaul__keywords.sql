{#- One row for each keyword, language, country and complete night. #}
{{ config(enabled=var('backhaul_organic_keywords_enabled')) }}

select
    keywords.target,
    keywords.task_key,
    keywords.country,
    keywords.snapshot_date,
    keywords.keyword,
    coalesce(keywords.language, '') as language,
    min(keywords.best_position) as best_position,
    min(keywords.best_position_url) as best_position_url,
    max(keywords.volume) as volume,
    max(keywords.sum_traffic) as traffic,
    max(keywords.keyword_difficulty) as keyword_difficulty,
    max({{ backhaul.currency('keywords.cpc') }}) as cpc,
    max(case when keywords.is_branded then 1 when not keywords.is_branded then 0 end) as is_branded
from {{ ref('stg_backhaul__organic_keywords') }} as keywords
inner join {{ ref('int_backhaul__nights') }} as nights
    on nights.report = 'organic_keywords'
    and keywords.target = nights.target
    and keywords.task_key = nights.task_key
    and keywords.snapshot_date = nights.snapshot_date
group by
    keywords.target, keywords.task_key, keywords.country, keywords.snapshot_date, keywords.keyword,
    coalesce(keywords.language, '')
