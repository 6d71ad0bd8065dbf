"""Words of a generated portal: names, addresses, countries, industries, job titles, web pages."""
