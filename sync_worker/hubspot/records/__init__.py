"""What HubSpot returns, as frozen records, and how its JSON becomes them."""
