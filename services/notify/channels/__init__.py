"""Ways to reach people. Each takes a finished letter and tells honestly what became of it."""
