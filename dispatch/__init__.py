"""The dispatch centre: from a customer's call to a restored supply, with seven clocks running."""
