"""The formats that Escriba reads by itself: frames, pages and tables are counted without ffmpeg."""
