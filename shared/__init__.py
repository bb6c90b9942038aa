"""Code that all services share. It contains no rule about complaints."""
