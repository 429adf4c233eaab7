"""A trained model as files: settings in JSON, weights in safetensors, nothing executable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import safetensors.torch
from numpy.typing import NDArray

from equipoise.learn.encoder import TableEncoder
from equipoise.learn.mixed import Network, network_from_weights
from equipoise.learn.problem import as_tensor
from equipoise.learn.train import predict_probabilities

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Model:
    """A network, what turns tables into its inputs, and the classes that it tells apart.

    Attributes
    ----------
    encoder : TableEncoder
    network : StackedMLP or MixedMLP
        A stack of one.
    classes : tuple, length k
        Plain Python scalars.
    about : dict
        How it came to be, for people: method, constraint, settings. JSON can hold it.
    """

    encoder: TableEncoder
    network: Network
    classes: tuple[Any, ...]
    about: dict[str, Any]

    def predict_proba(self, table: Any) -> NDArray[np.float64]:
        """Class probabilities.

        Parameters
        ----------
        table : dataframe of n rows
            pandas, polars, pyarrow or narwhals, with the columns that it was trained on.

        Returns
        -------
        ndarray of float64, shape (n, k)
            Columns in the order of ``classes``.
        """
        frame = nw.from_native(table, eager_only=True)
        return self.probabilities(self.encoder.transform(frame))

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Class probabilities of encoded rows.

        Parameters
        ----------
        features : ndarray, shape (n, d)

        Returns
        -------
        ndarray of float64, shape (n, k)
        """
        exact = self.network.double_precision()
        return predict_probabilities(exact, as_tensor(features).double())[0]

    def predict(self, table: Any) -> NDArray[Any]:
        """The class of each row.

        Parameters
        ----------
        table : dataframe of n rows

        Returns
        -------
        ndarray, shape (n,)
        """
        return np.array(self.classes)[self.predict_proba(table).argmax(axis=1)]

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, which is made if need be.

        Parameters
        ----------
        folder : path

        Raises
        ------
        OSError
            If it cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: x.contiguous() for name, x in self.network.state_dict().items()}
        (folder / "weights.safetensors").write_bytes(safetensors.torch.save(weights))
        described = {
            "format": _FORMAT,
            "classes": list(self.classes),
            "sizes": list(self.network.sizes),
            "columns": self.encoder.to_list(),
            "about": self.about,
        }
        text = json.dumps(described, indent=1, ensure_ascii=False)
        (folder / "model.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Model:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder : path

        Returns
        -------
        Model

        Raises
        ------
        FileNotFoundError
            If it is not the folder of a model.
        ValueError
            If the files are damaged or of a later format.
        """
        folder = Path(folder)
        described_at, weights_at = folder / "model.json", folder / "weights.safetensors"
        if not described_at.is_file() or not weights_at.is_file():
            raise FileNotFoundError(
                f"{folder} is not a saved model: it should hold model.json and weights.safetensors."
            )
        try:
            described = json.loads(described_at.read_text(encoding="utf-8"))
            if described["format"] > _FORMAT:
                raise ValueError(f"it has format {described['format']}; update equipoise")
            sizes: Sequence[int] = described["sizes"]
            weights = safetensors.torch.load(weights_at.read_bytes())
            network = network_from_weights(sizes, weights)
            encoder = TableEncoder.from_list(described["columns"])
            classes, about = tuple(described["classes"]), dict(described["about"])
            found = (len(encoder.feature_names), len(classes))
            if found != (sizes[0], sizes[-1]):
                raise ValueError(f"it has {found} features and classes, but the network {sizes}")
        except (
            LookupError,
            TypeError,
            ValueError,
            RuntimeError,
            safetensors.SafetensorError,
        ) as error:
            raise ValueError(f"the model in {folder} cannot be read: {error}.") from error
        return cls(encoder, network, classes, about)
