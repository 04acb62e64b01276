"""Sources of a frame: background, detection, apertures, FWHM, in a child process."""
