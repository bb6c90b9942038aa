"""Operations: metrics, logs, health, and the probe that measures ages and lag."""
