"""The demonstration's people: they act through the real interfaces only, as callers, hotline, centres and crews do."""
