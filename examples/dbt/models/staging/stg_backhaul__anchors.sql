{{ config(enabled=var('backhaul_anchors_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'anchors')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('anchors')) }},
    anchor,
    {%- set optional = {
        'links_to_target': dbt.type_bigint(),
        'dofollow_links': dbt.type_bigint(),
        'refdomains': dbt.type_bigint(),
        'refpages': dbt.type_bigint(),
        'top_domain_rating': backhaul.type_double(),
        'first_seen': dbt.type_timestamp(),
        'last_seen': dbt.type_timestamp()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'anchors') }}
