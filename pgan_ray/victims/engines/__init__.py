"""What trains victims that are networks, and what scores any of them."""
