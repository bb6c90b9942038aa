"""Operations: metrics, logs, traces, health, and the probe that measures ages."""
