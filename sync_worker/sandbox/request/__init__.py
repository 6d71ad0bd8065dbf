"""A request to the portal: token, path, rate limits, validated body."""
