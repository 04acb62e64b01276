"""Files of reference stars as services deliver them, read into our columns."""
