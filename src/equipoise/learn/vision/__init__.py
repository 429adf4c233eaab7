"""Networks that see: three backbones, weights of a user's for them, features of frozen ones."""

from equipoise.learn.vision.conv_net import ConvNet
from equipoise.learn.vision.features import as_inputs, frozen_features
from equipoise.learn.vision.resnet import ResNet18
from equipoise.learn.vision.vit import ViTTiny
from equipoise.learn.vision.weights import read_weights

__all__ = ["ConvNet", "ResNet18", "ViTTiny", "as_inputs", "frozen_features", "read_weights"]
