"""The format of the model file: YAML, schema, conditions, units."""
