"""Text and its times: merging pieces, finding hallucinations, making subtitles."""
