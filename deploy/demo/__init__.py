"""Complaints of our own writing, fed to a running stack and watched until each customer got what is due to them."""
