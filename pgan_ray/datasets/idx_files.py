"""The base of data sets that are four IDX files, which are downloaded where they are not at hand."""

from typing import ClassVar

from pgan_ray.datasets.interface import DatasetLoader, Loading, RawDataset


class IdxLoader(DatasetLoader):
    """Images out of the files that `pgan_ray.data.known` lists under its name."""

    usual_classes: ClassVar[tuple[int, int] | None] = None

    def load(self, loading: Loading) -> RawDataset:
        """Training and test images, from the first place that has each file.

        Raises:
            DataError: a file is nowhere, or is damaged; the message names every place tried and the ways out.
            DataAbsentError: a file is not here, and must not be downloaded.
        """
        from pgan_ray.data.known import IDX_DATASETS
        from pgan_ray.data.sources import cache_folder, load_idx

        parts, source = load_idx(
            IDX_DATASETS[self.name],
            data_dir=loading.data_dir,
            cache_dir=cache_folder(),
            progress=loading.progress,
            may_download=loading.may_download,
        )
        return RawDataset(*parts, value_range=(0.0, 255.0), source=source)
