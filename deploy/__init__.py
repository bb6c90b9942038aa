"""Programs and files that start, configure and monitor the services. The services import nothing from here."""
