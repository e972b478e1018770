{{ config(enabled=var('backhaul_metrics_history_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'metrics_history')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('metrics_history')) }},
    {{ backhaul.column('date') }} as measured_on,
    {%- set optional = {
        'org_traffic': dbt.type_bigint(),
        'org_cost': dbt.type_bigint(),
        'paid_traffic': dbt.type_bigint(),
        'paid_cost': dbt.type_bigint()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'metrics_history') }}
