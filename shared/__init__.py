"""What all services need and what knows no complaint rule."""
