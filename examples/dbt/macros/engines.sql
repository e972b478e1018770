{# What each engine says in its own words. #}

{# A text of a JSON object. #}
{% macro json_text(json, key) %}{{ return(adapter.dispatch('json_text', 'backhaul')(json, key)) }}{% endmacro %}

{% macro default__json_text(json, key) %}{{ return("json_extract_path_text(" ~ json ~ ", '" ~ key ~ "')") }}{% endmacro %}

{% macro duckdb__json_text(json, key) %}{{ return("json_extract_string(" ~ json ~ ", '$.\"" ~ key ~ "\"')") }}{% endmacro %}

{% macro snowflake__json_text(json, key) %}{{ return("cast(get(try_parse_json(" ~ json ~ "), '" ~ key ~ "') as varchar)") }}{% endmacro %}

{% macro bigquery__json_text(json, key) %}{{ return("json_value(" ~ json ~ ", '$.\"" ~ key ~ "\"')") }}{% endmacro %}

{% macro spark__json_text(json, key) %}{{ return("get_json_object(" ~ json ~ ", '$." ~ key ~ "')") }}{% endmacro %}

{# A floating point number of 64 bits: dbt.type_float() has 32 on some engines. #}
{% macro type_double() %}{{ return(adapter.dispatch('type_double', 'backhaul')()) }}{% endmacro %}

{% macro default__type_double() %}{{ return('double precision') }}{% endmacro %}

{% macro bigquery__type_double() %}{{ return('float64') }}{% endmacro %}

{% macro spark__type_double() %}{{ return('double') }}{% endmacro %}

{# a / b as a number with a fraction; null where b is 0. #}
{% macro ratio(a, b) %}cast({{ a }} as {{ backhaul.type_double() }}) / nullif({{ b }}, 0){% endmacro %}

{# Currency of an amount in cents. #}
{% macro currency(cents) %}cast({{ cents }} as {{ backhaul.type_double() }}) / 100{% endmacro %}

{# A date some days before or after another. #}
{% macro days_from(date, days) %}cast({{ dbt.dateadd('day', days, date) }} as date){% endmacro %}

{# The first day of a date's week (a Monday) or month. #}
{% macro first_day(part, date) %}{{ return(adapter.dispatch('first_day', 'backhaul')(part, date)) }}{% endmacro %}

{% macro default__first_day(part, date) %}{{ return('cast(' ~ dbt.date_trunc(part, date) ~ ' as date)') }}{% endmacro %}

{% macro bigquery__first_day(part, date) %}
    {{- return('date_trunc(' ~ date ~ ', ' ~ ('isoweek' if part == 'week' else part) ~ ')') -}}
{% endmacro %}
