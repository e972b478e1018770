{{ config(enabled=var('backhaul_rating_history_enabled')) }}

{% set known = backhaul.columns_of(source('backhaul', 'rating_history')) %}
select
    {{ backhaul.program_columns(backhaul.parameters_of('rating_history')) }},
    {{ backhaul.column('date') }} as measured_on,
    {%- set optional = {
        'domain_rating': backhaul.type_double()
    } %}
    {{- backhaul.optional_columns(known, optional) }}
from {{ source('backhaul', 'rating_history') }}
