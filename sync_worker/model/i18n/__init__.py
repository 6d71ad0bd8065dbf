"""The texts that sales reps and HubSpot admins read, in seven languages."""
