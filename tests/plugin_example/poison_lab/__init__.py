"""An attack, a detector and two victims of one's own."""
