"""The models: channels, the network, its training, and the Bundle that holds them."""
