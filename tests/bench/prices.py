"""List prices in us-east-1, in US dollars, as AWS documents them. Free tiers and volume discounts are left out."""

from __future__ import annotations

# https://aws.amazon.com/step-functions/pricing/: standard workflows, $0.025 for 1,000 state transitions.
STATE_TRANSITION = 0.025 / 1_000
# https://aws.amazon.com/lambda/pricing/: $0.20 for 1 million requests.
LAMBDA_REQUEST = 0.20 / 1_000_000
# https://aws.amazon.com/lambda/pricing/: Arm, $0.0000133334 for a GB-second.
LAMBDA_GB_SECOND = 0.0000133334
# https://aws.amazon.com/dynamodb/pricing/on-demand/: $0.625 for 1 million write request units. A write unit is an item
# of up to 1 KB; an item of a transaction takes two; each index that holds the item takes its own.
WRITE_UNIT = 0.625 / 1_000_000
# https://aws.amazon.com/dynamodb/pricing/on-demand/: $0.125 for 1 million read request units.
READ_UNIT = 0.125 / 1_000_000
# https://aws.amazon.com/eventbridge/pricing/: $1.00 for 1 million custom events published. AWS's own events are free.
CUSTOM_EVENT = 1.00 / 1_000_000
