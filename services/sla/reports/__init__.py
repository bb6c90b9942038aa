"""Reports: complaints at risk, performance of a period, suggested dates, and the iCalendar feed."""
