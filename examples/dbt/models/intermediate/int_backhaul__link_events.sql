{#- Reports of changes tell of some days twice, so that no link is missed. An event is the first word that changes what is
    known of a link: `base`, `new` or `lost`. A link that came and went between two nights is told as lost without having
    been there, and is no event. A night is told from since the last complete one, so that missed nights are no loss. #}
{{ config(enabled=var('backhaul_link_changes_enabled')) }}

{% set identity = ['url_from', 'url_to', 'anchor', 'link_type', 'first_seen_link'] %}
with words as (
    select
        target,
        task_key,
        snapshot_date,
        change_type
        {%- for name in identity %},
        {{ name }}
        {%- endfor %},
        min(root_name_source) as root_name_source,
        max(domain_rating_source) as domain_rating_source,
        max(case when is_dofollow then 1 when not is_dofollow then 0 end) as is_dofollow
    from {{ ref('stg_backhaul__link_changes') }}
    group by target, task_key, snapshot_date, change_type{% for name in identity %}, {{ name }}{% endfor %}
),

told as (
    select
        words.target,
        words.task_key,
        words.snapshot_date,
        words.change_type
        {%- for name in identity %},
        words.{{ name }}
        {%- endfor %},
        words.root_name_source,
        words.domain_rating_source,
        words.is_dofollow,
        nights.previous_snapshot_date,
        nights.night_number,
        nights.base_number,
        lag(words.change_type) over (
            partition by words.target, words.task_key, nights.base_number
            {%- for name in identity %}, words.{{ name }}{% endfor %}
            order by nights.night_number
        ) as told_before
    from words
    inner join {{ ref('int_backhaul__nights') }} as nights
        on nights.report = 'link_changes'
        and words.target = nights.target
        and words.task_key = nights.task_key
        and words.snapshot_date = nights.snapshot_date
    where nights.base_number > 0
)

select
    target,
    task_key,
    base_number,
    night_number,
    snapshot_date,
    previous_snapshot_date,
    change_type,
    case when change_type = 'lost' then -1 else 1 end as num_links
    {%- for name in identity %},
    {{ name }}
    {%- endfor %},
    root_name_source,
    domain_rating_source,
    is_dofollow
from told
where change_type = 'base'
    or (change_type = 'new' and coalesce(told_before, 'lost') = 'lost')
    or (change_type = 'lost' and told_before in ('base', 'new'))
