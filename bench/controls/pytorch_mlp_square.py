"""The MLP GAN of "GAN by hand" (784-256-256), as a plain eager PyTorch program.

Put right against the document:
- its labels are always 64 long, so the last batch of an epoch (32 images) stops it: here they take
  the shape of the logits;
- it turns both losses into Python floats in every step, which waits for the device: here they are
  returned as tensors, and the scores that it computes and never uses are gone.
Its sigmoid and BCE are joined into BCE on logits: the same loss without the clamp of the logarithm.

Kept as it is there: the discriminator's step records the generator too, which `detach` cuts off,
and the generator's step leaves gradients in the discriminator, cleared before they can be used.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[torch.Tensor, torch.Tensor]]
Export = Callable[[], dict[str, np.ndarray]]


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Build both networks from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 28, 28, 1) in [-1, 1] and noises
    (N, 784), any N; it returns d_loss (real + fake) and g_loss. `export()` copies the parameters
    out.
    """
    number = {"float64": torch.float64, "float32": torch.float32}[dtype]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # float32 means float32: no TF32 in matrix products.
    torch.backends.cuda.matmul.fp32_precision = "ieee"

    generator = nn.Sequential(
        nn.Linear(784, 256, bias=True),
        nn.ReLU(),
        nn.Linear(256, 256, bias=True),
        nn.ReLU(),
        nn.Linear(256, 784, bias=True),
        nn.Tanh(),
        nn.Unflatten(1, (28, 28, 1)),
    ).to(device, number)
    discriminator = nn.Sequential(
        nn.Flatten(start_dim=1),
        nn.Linear(784, 256, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(256, 256, bias=True),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Linear(256, 1, bias=True),
    ).to(device, number)

    layers = {
        "generator/dense_0": generator[0],
        "generator/dense_1": generator[2],
        "generator/dense_2": generator[4],
        "discriminator/dense_0": discriminator[1],
        "discriminator/dense_1": discriminator[3],
        "discriminator/dense_2": discriminator[5],
    }
    with torch.no_grad():
        for name, layer in layers.items():  # (in, out) -> (out, in)
            layer.weight.copy_(torch.tensor(weights[f"{name}/kernel"].T))
            layer.bias.copy_(torch.tensor(weights[f"{name}/bias"]))

    bce = nn.BCEWithLogitsLoss(reduction="mean")
    g_optimizer = torch.optim.Adam(
        generator.parameters(), lr=2e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0
    )
    d_optimizer = torch.optim.Adam(
        discriminator.parameters(), lr=2e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0
    )

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        real = torch.as_tensor(x, dtype=number, device=device)
        noise_d = torch.as_tensor(z_d, dtype=number, device=device)
        noise_g = torch.as_tensor(z_g, dtype=number, device=device)

        # Discriminator: real images are 1, generated ones 0. The sum of two means, not half of it.
        d_optimizer.zero_grad()
        real_logits = discriminator(real)
        fake_logits = discriminator(generator(noise_d).detach())
        real_loss = bce(real_logits, torch.ones_like(real_logits))
        fake_loss = bce(fake_logits, torch.zeros_like(fake_logits))
        d_loss = real_loss + fake_loss
        d_loss.backward()
        d_optimizer.step()

        # Generator: fresh noise, the discriminator just updated, label 1 for what is generated.
        g_optimizer.zero_grad()
        fake_logits = discriminator(generator(noise_g))
        g_loss = bce(fake_logits, torch.ones_like(fake_logits))
        g_loss.backward()
        g_optimizer.step()
        return d_loss.detach(), g_loss.detach()

    def export() -> dict[str, np.ndarray]:
        # Copies: the optimizer goes on writing into the memory behind these tensors.
        arrays = {}
        for name, layer in layers.items():
            arrays[f"{name}/kernel"] = layer.weight.detach().cpu().numpy().T.copy()
            arrays[f"{name}/bias"] = layer.bias.detach().cpu().numpy().copy()
        return arrays

    return step, export
