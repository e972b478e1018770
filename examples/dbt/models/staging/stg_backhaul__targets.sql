select
    target,
    url,
    mode,
    protocol,
    labels
    {%- for label in var('backhaul_labels') %},
    {{ backhaul.json_text('labels', label) }} as label_{{ label }}
    {%- endfor %}
from {{ source('backhaul', 'targets') }}
