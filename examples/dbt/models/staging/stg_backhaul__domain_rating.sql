{{ config(enabled=var('backhaul_domain_rating_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'domain_rating')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('domain_rating')) }},
    domain_rating,
    {%- set optional = {
        'ahrefs_rank': dbt.type_bigint()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'domain_rating') }}
