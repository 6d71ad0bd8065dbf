"""The console of the service: web pages for operators, read-only except for two commands. Nothing here writes SQL or calls HubSpot."""
