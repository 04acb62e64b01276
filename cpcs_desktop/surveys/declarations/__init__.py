"""The reference surveys as data: one declaration a survey, no code paths."""
