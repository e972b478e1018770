{{ config(enabled=var('backhaul_link_changes_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'link_changes')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('link_changes')) }},
    _change as change_type,
    url_from,
    url_to,
    anchor,
    link_type,
    first_seen_link,
    {%- set optional = {
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
        'first_seen': dbt.type_timestamp(),
        'last_seen': dbt.type_timestamp()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'link_changes') }}
