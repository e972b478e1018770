{# Generic tests, so that no other package is needed. #}

{# No two rows have the same values in all these columns; nulls are values. #}
{% test unique_combination(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as num_rows
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}

{# The condition holds for every row; what is unknown does not hold. #}
{% test holds(model, condition) %}
    select *
    from {{ model }}
    where not coalesce({{ condition }}, false)
{% endtest %}

{# Something summed over the rows of a group is a number, give or take rounding. #}
{% test sums_to(model, expression, group_by, total=1, tolerance=0.000001) %}
    select {{ group_by | join(', ') }}, sum({{ expression }}) as actual_total
    from {{ model }}
    where {{ expression }} is not null
    group by {{ group_by | join(', ') }}
    having abs(sum({{ expression }}) - {{ total }}) > {{ tolerance }}
{% endtest %}
