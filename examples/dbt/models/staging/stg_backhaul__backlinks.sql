{{ config(enabled=var('backhaul_backlinks_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'backlinks')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('backlinks')) }},
    url_from,
    url_to,
    {%- set optional = {
        'anchor': dbt.type_string(),
        'link_type': dbt.type_string(),
        'root_name_source': dbt.type_string(),
        'domain_rating_source': backhaul.type_double(),
        'url_rating_source': backhaul.type_double(),
        'is_dofollow': dbt.type_boolean(),
        'is_nofollow': dbt.type_boolean(),
        'is_ugc': dbt.type_boolean(),
        'is_sponsored': dbt.type_boolean(),
        'is_content': dbt.type_boolean(),
        'is_spam': dbt.type_boolean(),
        'title': dbt.type_string(),
        'first_seen_link': dbt.type_timestamp(),
        'first_seen': dbt.type_timestamp(),
        'last_seen': dbt.type_timestamp()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'backlinks') }}
