"""The published run of `spoken_digits`, on MNIST and the Free Spoken Digit Dataset."""

from mmzoo.commands.train import train
from mmzoo.recipes.spoken_digits import Config

if __name__ == "__main__":
    config = Config(source="mnist_fsdd", pairings=5, epochs=6, batch_size=128)
    train("spoken_digits", config, out="saved_models/spoken_digits")
