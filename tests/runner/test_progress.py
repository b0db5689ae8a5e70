"""How far a sweep is."""

from pgan_ray.runner import SweepState


def test_time_left_needs_a_pace_of_each_stage() -> None:
    state = SweepState(generators=2, victims=10, trials={"a": 0.0, "b": 0.0})
    assert state.remaining_s(2) is None
    state.trials["a"], state.trained, state.training_s = 0.5, 0.5, 30.0
    assert state.remaining_s(2) is None
    state.seconds_per_victim = 2.0
    assert state.remaining_s(2) == (1.5 * 60 + 10 * 2) / 2
    state.trials, state.victims_done, state.victims_failed = {"a": 1.0, "b": 1.0}, 9, 1
    assert state.remaining_s(2) == 0
