"""The events of contacts in order of time, and the counters that HubSpot computes from them."""
