"""Events and properties to score, grade and qualification."""
