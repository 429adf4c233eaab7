from equipoise.coresets.coreset import Coreset


class CoresetStream:
    def __init__(self, builder, n_features, power, block_rows=10**9, seed=0):
        self.b = builder
        self.c = Coreset.empty(n_features, power)
        self.power = power
        self.seed = seed

    def add(self, X, w=None, codes=None):
        self.c = self.c.merge(
            Coreset.from_block(X, w, codes, power=self.power, first_row=self.c.n_rows)
        )

    @property
    def coreset(self):
        return self.c.reduce(self.b, self.seed)
