"""Tells speakers apart: speech → windows → voices → groups → the speaker of each word."""
