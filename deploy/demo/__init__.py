"""Demo: files sample complaints in a running stack and checks that each customer gets the expected messages."""
