"""The records of the portal: objects, properties, associations, lists, events, and the rules for changing them."""
