select * from {{ ref('stg_backhaul__targets') }}
