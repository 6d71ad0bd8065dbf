"""Texts for sales reps and HubSpot admins: one translation file per language."""
