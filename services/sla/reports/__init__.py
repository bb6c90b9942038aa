"""Reports over all complaints: what is at risk, how promises were kept, a date to suggest, a calendar feed."""
