"""SQL of sla: states, rulebook revisions, drafts, outages, and queries over all complaints."""
