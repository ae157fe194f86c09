"""The first GAN of "GAN tutorial with Keras", as a plain eager PyTorch program.

Put right against the document:
- its images are in [0, 1], though the generator ends in tanh: here they are in [-1, 1];
- `trainable = False` after compiling, which Keras 3 takes to mean that the discriminator never
  learns: here it learns in its own two steps and stands still in the generator's.
Its sigmoid and cross entropy are joined into softplus of the logits, without the clip at 1e-7.

Adam is Keras's, written out: epsilon 1e-7 is added to the uncorrected root.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[torch.Tensor, ...]]
Export = Callable[[], dict[str, np.ndarray]]


class Adam:
    """lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters, self.t = parameters, 0
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]

    @torch.no_grad()
    def step(self, loss: torch.Tensor) -> None:
        """Differentiate the loss and move the parameters."""
        with torch.enable_grad():
            gradients = torch.autograd.grad(loss, self.parameters)
        self.t += 1
        rate = 1e-3 * (1.0 - 0.999**self.t) ** 0.5 / (1.0 - 0.9**self.t)
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            m.copy_(0.9 * m + 0.1 * g)
            v.copy_(0.999 * v + 0.001 * g * g)
            p.sub_(rate * m / (torch.sqrt(v) + 1e-7))


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Build both networks from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 28, 28, 1) in [-1, 1] and noises
    (N, 100); it returns the losses of D's step on real images, of its step on generated ones, and
    of G's. `export()` copies the parameters out.
    """
    number = {"float64": torch.float64, "float32": torch.float32}[dtype]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # float32 means float32: no TF32 in matrix products.
    torch.backends.cuda.matmul.fp32_precision = "ieee"

    generator = nn.Sequential(
        nn.Linear(100, 256, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(256, 512, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(512, 1024, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(1024, 784, bias=True),
        nn.Tanh(),
        nn.Unflatten(1, (28, 28, 1)),
    ).to(device, number)
    discriminator = nn.Sequential(
        nn.Flatten(start_dim=1),
        nn.Linear(784, 512, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(512, 256, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(256, 1, bias=True),
    ).to(device, number)

    layers = {
        "generator/dense_0": generator[0],
        "generator/dense_1": generator[2],
        "generator/dense_2": generator[4],
        "generator/dense_3": generator[6],
        "discriminator/dense_0": discriminator[1],
        "discriminator/dense_1": discriminator[3],
        "discriminator/dense_2": discriminator[5],
    }
    with torch.no_grad():
        for name, layer in layers.items():  # (in, out) -> (out, in)
            layer.weight.copy_(torch.tensor(weights[f"{name}/kernel"].T))
            layer.bias.copy_(torch.tensor(weights[f"{name}/bias"]))
    g_optimizer = Adam(list(generator.parameters()))
    d_optimizer = Adam(list(discriminator.parameters()))

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[torch.Tensor, ...]:
        real = torch.as_tensor(x, dtype=number, device=device)
        noise_d = torch.as_tensor(z_d, dtype=number, device=device)
        noise_g = torch.as_tensor(z_g, dtype=number, device=device)

        # Discriminator: a step on real images, then one on generated ones, with the same Adam.
        real_loss = softplus(-discriminator(real)).mean()
        d_optimizer.step(real_loss)
        fake_loss = softplus(discriminator(generator(noise_d).detach())).mean()
        d_optimizer.step(fake_loss)

        # Generator: fresh noise, the discriminator just updated, label 1 for what is generated.
        g_loss = softplus(-discriminator(generator(noise_g))).mean()
        g_optimizer.step(g_loss)
        return real_loss.detach(), fake_loss.detach(), g_loss.detach()

    def export() -> dict[str, np.ndarray]:
        # Copies: the optimizer goes on writing into the memory behind these tensors.
        arrays = {}
        for name, layer in layers.items():
            arrays[f"{name}/kernel"] = layer.weight.detach().cpu().numpy().T.copy()
            arrays[f"{name}/bias"] = layer.bias.detach().cpu().numpy().copy()
        return arrays

    return step, export
