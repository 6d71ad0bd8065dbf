"""One request as HubSpot sees it: token, path, limits, validated body."""
