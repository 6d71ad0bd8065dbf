"""Lookup tables: countries, email domains, job titles, standard properties of HubSpot."""
