"""Classifiers of images with proved Lipschitz constants: models, loss, training, saved models."""

from .certificate import (
    LipschitzCertificate as LipschitzCertificate,
    lipschitz_certificate as lipschitz_certificate,
)
from .certified import (
    CertifiedClassifier as CertifiedClassifier,
    Radii as Radii,
    certified as certified,
)
from .classifier import (
    Body as Body,
    Classifier as Classifier,
    ClassifierParameters as ClassifierParameters,
    parameter_count as parameter_count,
)
from .margin import hinge as hinge, margin_for_radius as margin_for_radius
from .models import (
    alternating_classifier as alternating_classifier,
    convolutional_classifier as convolutional_classifier,
    nonexpansive_classifier as nonexpansive_classifier,
    residual_classifier as residual_classifier,
)
from .resnet import ResNet as ResNet
from .rounding import logit_error as logit_error
from .saved import load as load
from .training import Trained as Trained, train as train
