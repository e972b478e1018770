{{ config(enabled=var('backhaul_organic_keywords_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'organic_keywords')) %}
{% set parameters = backhaul.parameters_of('organic_keywords') %}
{% set has_country_column = known is none or 'keyword_country' in known %}
select
    {{ backhaul.program_columns(parameters) }},
    {#- What the report asks for, else what the row tells. #}
    {%- if 'country' in parameters %}
    _country as country,
    {%- elif has_country_column %}
    keyword_country as country,
    {%- else %}
    cast('' as {{ dbt.type_string() }}) as country,
    {%- endif %}
    keyword,
    {%- set optional = {
        'language': dbt.type_string(),
        'best_position': dbt.type_bigint(),
        'best_position_url': dbt.type_string(),
        'volume': dbt.type_bigint(),
        'sum_traffic': dbt.type_bigint(),
        'keyword_difficulty': dbt.type_bigint(),
        'cpc': dbt.type_bigint(),
        'is_branded': dbt.type_boolean()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'organic_keywords') }}
{#- With date_compared there are rows of keywords that the target ranked for then and not now. #}
where keyword is not null
