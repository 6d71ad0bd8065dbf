"""HTTP layer: session, rate limits, retries, timeouts, errors."""
