"""CRM records: storage, writes, search, associations, lists, imports and exports."""
