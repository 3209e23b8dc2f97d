"""Words as text and on the clock: what merging, the guard and subtitles are made of."""
