"""Networks: built, opened from anywhere, adapted to images of bytes, exported."""
