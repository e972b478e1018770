{{ config(enabled=var('backhaul_metrics_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'metrics')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('metrics')) }},
    {%- set optional = {
        'org_traffic': dbt.type_bigint(),
        'org_keywords': dbt.type_bigint(),
        'org_keywords_1_3': dbt.type_bigint(),
        'org_cost': dbt.type_bigint(),
        'paid_traffic': dbt.type_bigint(),
        'paid_keywords': dbt.type_bigint(),
        'paid_pages': dbt.type_bigint(),
        'paid_cost': dbt.type_bigint()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'metrics') }}
