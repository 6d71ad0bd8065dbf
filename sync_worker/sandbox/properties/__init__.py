"""Property definitions and property values: types, options, validation, lifecycle stages."""
