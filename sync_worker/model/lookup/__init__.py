"""Knowledge about the world: countries, email domains, job titles, standard properties of HubSpot."""
