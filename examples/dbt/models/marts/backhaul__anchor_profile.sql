{{ config(enabled=var('backhaul_anchors_enabled')) }}

with anchors as (
    select
        anchors.target,
        anchors.task_key,
        anchors.snapshot_date,
        coalesce(anchors.anchor, '') as anchor,
        cast(sum(coalesce(anchors.links_to_target, 0)) as {{ dbt.type_bigint() }}) as links,
        cast(sum(anchors.dofollow_links) as {{ dbt.type_bigint() }}) as dofollow_links,
        max(anchors.refdomains) as refdomains,
        max(anchors.top_domain_rating) as top_domain_rating
    from {{ ref('stg_backhaul__anchors') }} as anchors
    inner join {{ ref('int_backhaul__nights') }} as nights
        on nights.report = 'anchors'
        and anchors.target = nights.target
        and anchors.task_key = nights.task_key
        and anchors.snapshot_date = nights.snapshot_date
    group by anchors.target, anchors.task_key, anchors.snapshot_date, coalesce(anchors.anchor, '')
),

{# The brand is the label `brand` of a target, or its name up to the first dot. #}
brands as (
    select
        target,
        lower(url) as url,
        lower(coalesce({{ backhaul.json_text('labels', 'brand') }}, {{ dbt.split_part('target', "'.'", 1) }})) as brand
    from {{ ref('stg_backhaul__targets') }}
),

kinds as (
    select
        anchors.*,
        case
            when trim(anchors.anchor) = '' then 'empty'
            when lower(anchors.anchor) like 'http%' or lower(anchors.anchor) like 'www.%'
                or {{ dbt.position('brands.url', 'lower(anchors.anchor)') }} > 0 then 'url'
            when {{ dbt.position('brands.brand', 'lower(anchors.anchor)') }} > 0 then 'brand'
            else 'other'
        end as anchor_kind
    from anchors
    left join brands
        on anchors.target = brands.target
)

select
    target,
    task_key,
    snapshot_date,
    anchor,
    anchor_kind,
    links,
    dofollow_links,
    refdomains,
    top_domain_rating,
    row_number() over (partition by target, task_key, snapshot_date order by links desc, anchor) as place,
    {{ backhaul.ratio('links', 'sum(links) over (partition by target, task_key, snapshot_date)') }} as share_of_links,
    case
        when snapshot_date = max(snapshot_date) over (partition by target, task_key) then true else false
    end as is_latest
from kinds
