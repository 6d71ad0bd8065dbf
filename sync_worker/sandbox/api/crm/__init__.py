"""Endpoints of CRM objects: records, batches, search, associations, properties, imports and exports."""
