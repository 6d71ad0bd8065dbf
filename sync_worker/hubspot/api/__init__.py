"""The endpoints of HubSpot that the worker uses, one noun a file: domain words in, records out."""
