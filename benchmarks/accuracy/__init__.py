"""How right the calibration is, on known truth, beside others: the source of docs/accuracy.md."""
