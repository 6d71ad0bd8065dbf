"""CRM objects API: records and properties, batch writes with a result for each property."""
