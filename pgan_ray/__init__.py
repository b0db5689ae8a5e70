"""pgan-ray: distributed sweeps of pGAN, a stealthy data poisoning attack, on Ray Tune and MLflow.

The rooms, in the order the data walks through them::

    sweeps/*.yaml -> spec -> data -> attacks (stage 1) -> evaluation (stage 2) -> tracking

Importing this package loads neither torch nor ray nor mlflow.
"""

__version__ = "0.1.0"
