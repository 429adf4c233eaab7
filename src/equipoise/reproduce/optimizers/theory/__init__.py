"""Where SGD and RMSProp come to rest on two groups' quadratics."""
