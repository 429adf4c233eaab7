"""One door to users' own copies of image sets that have groups of people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from equipoise.data.dataset import reject_text
from equipoise.data.errors import DataError, hint
from equipoise.data.image_groups.assemble import Asked, assemble
from equipoise.data.image_groups.celeba import read_celeba
from equipoise.data.image_groups.coco import read_coco
from equipoise.data.image_groups.fairface import read_fairface
from equipoise.data.image_groups.index import ImageGroups
from equipoise.data.image_groups.tree import Tree

__all__ = ["load_image_groups"]

_USUAL: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "celeba": ("Smiling", ("Male",)),
    "fairface": ("gender", ("race",)),
    "coco": (None, ("gender",)),
}


def load_image_groups(
    name: str,
    folder: str | os.PathLike[str],
    *,
    target: str | Sequence[str] | None = None,
    sensitive: Sequence[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    year: int | None = None,
    words: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> ImageGroups:
    """Load the labels and groups of your own copy of CelebA, FairFace or MS-COCO.

    Files are found at any depth, by their names, in every form in which the sets go around; see
    the page on data for which. Nothing is downloaded, no checksum is asked for, and images are not
    needed until pixels are.

    Parameters
    ----------
    name : {"celeba", "fairface", "coco"}
    folder : path-like
        The folder that holds the copy.
    target : str or sequence of str, optional
        One label, or several that are each yes or no. By default "Smiling"; "gender"; all objects
        of COCO but people.
    sensitive : sequence of str, optional
        By default "Male"; "race"; "gender". Of COCO "gender" is read from captions, "bb_gender"
        and "bb_skin" from the annotations of Zhao, Wang and Russakovsky (2021), which people made
        by eye for images of val2014.
    images : path-like, optional
        The folder with the images, where it is another or several have them: FairFace comes with
        two margins around a face.
    year : {2014, 2017}, optional
        For COCO, where the folder has both: they share images.
    words : mapping of str to sequence of str, optional
        For COCO, the words in captions that name a group; published lists differ. An image is a
        row if its captions name one group, and counted in ``dropped`` otherwise.
    seed : int
        Of what is drawn: validation rows of FairFace and COCO, a tenth of the train rows, since
        their published validation part serves as the test; and, with a warning, all parts of a
        CelebA without its partition.

    Returns
    -------
    ImageGroups

    Raises
    ------
    DataError
        If the name is unknown; a file is not there, or damaged; a label or column is unknown; or
        it is not to be told which of several copies is meant.
    """
    if name not in _USUAL:
        raise DataError(f"name: no images with groups are called {name!r}. {hint(name, _USUAL)}")
    reject_text("sensitive", sensitive)
    if seed < 0:
        raise DataError(f"seed: given {seed}, wanted an integer >= 0")
    for argument, value in (("year", year), ("words", words)):
        if value is not None and name != "coco":
            raise DataError(f"{argument}: only COCO has it; leave it out for {name}")
    usual_target, usual_sensitive = _USUAL[name]
    asked = Asked(
        usual_target if target is None else target,
        usual_sensitive if sensitive is None else tuple(sensitive),
        None if images is None else Path(images),
        seed,
    )
    tree = Tree.of(folder)
    if name == "celeba":
        copy = read_celeba(tree, asked)
    elif name == "fairface":
        copy = read_fairface(tree, asked)
    else:
        copy = read_coco(tree, asked, year, words)
    return assemble(name, copy, asked)
