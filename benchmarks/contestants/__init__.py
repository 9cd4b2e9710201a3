"""The contestants of `send`: the same job by other means."""
