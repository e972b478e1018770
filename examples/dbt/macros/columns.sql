{# What a table has, and how it is asked for. #}

{# Names of the columns of a table, in lower case; none is known where nothing may be asked. #}
{% macro columns_of(relation) %}
    {%- if execute and var('backhaul_introspect') -%}
        {%- set names = [] -%}
        {%- for name in run_query('select * from ' ~ relation ~ ' where 1 = 0').columns.keys() -%}
            {%- do names.append(name | lower) -%}
        {%- endfor -%}
        {{ return(names) }}
    {%- endif -%}
    {{ return(none) }}
{% endmacro %}

{# Columns that a configuration may leave out become nulls of their type: `known` is what columns_of tells. #}
{% macro optional_columns(known, columns) %}
    {%- for name, type in columns.items() %}
    {% if known is none or name in known -%}
        {{ backhaul.column(name) }}
    {%- else -%}
        cast(null as {{ type }}) as {{ name }}
    {%- endif %}
    {%- if not loop.last %},{% endif -%}
    {%- endfor %}
{% endmacro %}

{# A column of the export whose name may be a reserved word. #}
{% macro column(name) %}{{ return(adapter.dispatch('column', 'backhaul')(name)) }}{% endmacro %}

{% macro default__column(name) %}{{ return(adapter.quote(name) if backhaul.is_reserved(name) else name) }}{% endmacro %}

{# Snowflake keeps names that are not quoted in upper case, as `backhaul load` makes them. #}
{% macro snowflake__column(name) %}{{ return(adapter.quote(name | upper) if backhaul.is_reserved(name) else name) }}{% endmacro %}

{% macro is_reserved(name) %}{{ return(name in ['rows', 'date', 'domain']) }}{% endmacro %}

{# Parameters of a report that stand in its rows as `_<name>`. #}
{% macro parameters_of(report) %}
    {%- set known = backhaul.columns_of(source('backhaul', report)) -%}
    {%- if known is none -%}
        {{ return(var('backhaul_parameters').get(report, [])) }}
    {%- endif -%}
    {%- set names = [] -%}
    {%- for name in known if name.startswith('_') -%}
        {%- if name not in ['_target', '_snapshot_date', '_exported_at', '_run_id', '_change'] -%}
            {%- do names.append(name[1:]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names | sort) }}
{% endmacro %}

{# `country=us&device=mobile`: which task of its target a row belongs to. Made of columns, or of coverage's JSON. #}
{% macro task_key(parameters, json=none) %}
    {%- if not parameters -%}
        {{ return("cast('' as " ~ dbt.type_string() ~ ")") }}
    {%- endif -%}
    {%- set parts = [] -%}
    {%- for name in parameters -%}
        {%- set value = backhaul.json_text(json, name) if json else '_' ~ name -%}
        {%- do parts.append("'" ~ ('' if loop.first else '&') ~ name ~ "='") -%}
        {%- do parts.append('coalesce(cast(' ~ value ~ ' as ' ~ dbt.type_string() ~ "), '')") -%}
    {%- endfor -%}
    {{ return(dbt.concat(parts)) }}
{% endmacro %}

{# The columns that every staged table begins with. #}
{% macro program_columns(parameters) %}
    _target as target,
    cast(_snapshot_date as date) as snapshot_date,
    {{ backhaul.task_key(parameters) }} as task_key,
    _exported_at as exported_at,
    _run_id as run_id
{% endmacro %}
