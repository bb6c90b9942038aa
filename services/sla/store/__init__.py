"""SQL of sla: states, rulebook revisions, drafts, outages, and scans over all complaints."""
