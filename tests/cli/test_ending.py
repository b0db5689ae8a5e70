"""How the end of a sweep is printed."""

from pgan_ray.cli.ending import listed


def test_what_happens_hundreds_of_times_fills_no_screen() -> None:
    victims = [f"victim a/r0/f0/run{run}" for run in range(1200)]
    assert [*listed("diverged", victims, 2)] == [
        "diverged: victim a/r0/f0/run0",
        "diverged: victim a/r0/f0/run1",
        "diverged: 1,198 more, which summary.json lists",
    ]
    assert [*listed("diverged", victims[:2], 2)] == [f"diverged: {victim}" for victim in victims[:2]]
