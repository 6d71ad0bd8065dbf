"""How one request reaches HubSpot: session, rate limits, retries, time-outs, errors."""
