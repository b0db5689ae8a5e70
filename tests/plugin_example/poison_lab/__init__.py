"""A data set, an attack, a detector and two victims of one's own."""
