"""The only room that talks to HubSpot: domain words in, domain words out."""
