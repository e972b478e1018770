{{ config(enabled=var('backhaul_refdomains_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'refdomains')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('refdomains')) }},
    {{ backhaul.column('domain') }} as refdomain,
    {%- set optional = {
        'domain_rating': backhaul.type_double(),
        'links_to_target': dbt.type_bigint(),
        'dofollow_links': dbt.type_bigint(),
        'new_links': dbt.type_bigint(),
        'lost_links': dbt.type_bigint(),
        'is_spam': dbt.type_boolean(),
        'traffic_domain': dbt.type_bigint(),
        'first_seen': dbt.type_timestamp(),
        'last_seen': dbt.type_timestamp()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'refdomains') }}
