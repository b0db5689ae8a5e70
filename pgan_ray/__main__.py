"""``python -m pgan_ray``."""

from pgan_ray.cli import main

main()
