"""What trains the generators of trained attacks, and what that takes."""
