"""The model file as it is written: YAML, schema, conditions, units."""
