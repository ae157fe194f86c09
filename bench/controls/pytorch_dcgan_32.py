"""The 32x32x3 DCGAN of "Co-evolution of discriminator and generator", in plain eager PyTorch.

Put right against the document:
- it gives noise (N, 100) to a transposed convolution, which refuses it: here it is (N, 100, 1, 1);
- it compares the discriminator's (N, 1, 1, 1) with labels (N, 1), which is refused too: here the
  output is flattened;
- networks and batches really move to the device that it names.
Its sigmoid and BCE are joined into BCE on logits: the same loss without the clamp of the logarithm.

Kept as it is there: the discriminator's step records the generator too, which `detach` cuts off,
and the generator's step leaves gradients in the discriminator, cleared before they can be used.
All passes are in train mode: an iteration updates the generator's batch statistics twice and the
discriminator's three times, for the generator's step keeps only its weights fixed.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[torch.Tensor, torch.Tensor]]
Export = Callable[[], dict[str, np.ndarray]]


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Build both networks from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 32, 32, 3) in [-1, 1] and noises
    (N, 100); it returns d_loss (real + fake) and g_loss. `export()` copies parameters and batch
    statistics out.
    """
    number = {"float64": torch.float64, "float32": torch.float32}[dtype]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # float32 means float32: no TF32 in convolutions (torch's default on a GPU).
    torch.backends.cudnn.conv.fp32_precision = "ieee"

    generator = nn.Sequential(
        nn.ConvTranspose2d(100, 256, kernel_size=4, stride=1, padding=0, bias=False),  # 4x4
        nn.BatchNorm2d(256, eps=1e-5, momentum=0.1),
        nn.ReLU(),
        nn.ConvTranspose2d(256, 128, kernel_size=4, stride=2, padding=1, bias=False),  # 8x8
        nn.BatchNorm2d(128, eps=1e-5, momentum=0.1),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, kernel_size=4, stride=2, padding=1, bias=False),  # 16x16
        nn.BatchNorm2d(64, eps=1e-5, momentum=0.1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 3, kernel_size=4, stride=2, padding=1, bias=False),  # 32x32
        nn.Tanh(),
    ).to(device, number)
    discriminator = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=4, stride=2, padding=1, bias=False),  # 16x16
        nn.LeakyReLU(negative_slope=0.2),
        nn.Conv2d(64, 128, kernel_size=4, stride=2, padding=1, bias=False),  # 8x8
        nn.BatchNorm2d(128, eps=1e-5, momentum=0.1),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Conv2d(128, 256, kernel_size=4, stride=2, padding=1, bias=False),  # 4x4
        nn.BatchNorm2d(256, eps=1e-5, momentum=0.1),
        nn.LeakyReLU(negative_slope=0.2),
        nn.Conv2d(256, 1, kernel_size=4, stride=1, padding=0, bias=False),  # 1x1
        nn.Flatten(start_dim=1),
    ).to(device, number)
    generator.train()
    discriminator.train()

    transposed = {
        "generator/conv_transpose_0": generator[0],
        "generator/conv_transpose_1": generator[3],
        "generator/conv_transpose_2": generator[6],
        "generator/conv_transpose_3": generator[9],
    }
    convolutions = {
        "discriminator/conv_0": discriminator[0],
        "discriminator/conv_1": discriminator[2],
        "discriminator/conv_2": discriminator[5],
        "discriminator/conv_3": discriminator[8],
    }
    norms = {
        "generator/batch_norm_0": generator[1],
        "generator/batch_norm_1": generator[4],
        "generator/batch_norm_2": generator[7],
        "discriminator/batch_norm_0": discriminator[3],
        "discriminator/batch_norm_1": discriminator[6],
    }
    with torch.no_grad():
        for name, layer in transposed.items():  # (kh, kw, in, out) -> (in, out, kh, kw)
            layer.weight.copy_(torch.tensor(weights[f"{name}/kernel"].transpose(2, 3, 0, 1)))
        for name, layer in convolutions.items():  # (kh, kw, in, out) -> (out, in, kh, kw)
            layer.weight.copy_(torch.tensor(weights[f"{name}/kernel"].transpose(3, 2, 0, 1)))
        for name, layer in norms.items():
            layer.weight.copy_(torch.tensor(weights[f"{name}/scale"]))
            layer.bias.copy_(torch.tensor(weights[f"{name}/bias"]))
            layer.running_mean.copy_(torch.tensor(weights[f"{name}/mean"]))
            layer.running_var.copy_(torch.tensor(weights[f"{name}/variance"]))

    bce = nn.BCEWithLogitsLoss(reduction="mean")
    g_optimizer = torch.optim.Adam(
        generator.parameters(), lr=2e-4, betas=(0.5, 0.999), eps=1e-8, weight_decay=0.0
    )
    d_optimizer = torch.optim.Adam(
        discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999), eps=1e-8, weight_decay=0.0
    )

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        # Contiguous, or the permuted view would pass for channels_last and choose other kernels.
        real = torch.as_tensor(x, dtype=number, device=device).permute(0, 3, 1, 2).contiguous()
        noise_d = torch.as_tensor(z_d, dtype=number, device=device).reshape(-1, 100, 1, 1)
        noise_g = torch.as_tensor(z_g, dtype=number, device=device).reshape(-1, 100, 1, 1)

        # Discriminator: real images are 1, generated ones 0; they go through it separately, each
        # with their own batch statistics, real ones first. The sum of two means, not half of it.
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
        # Copies: training goes on writing into the memory behind these tensors.
        arrays = {}
        for name, layer in transposed.items():
            kernel = layer.weight.detach().cpu().numpy()
            arrays[f"{name}/kernel"] = kernel.transpose(2, 3, 0, 1).copy()
        for name, layer in convolutions.items():
            kernel = layer.weight.detach().cpu().numpy()
            arrays[f"{name}/kernel"] = kernel.transpose(2, 3, 1, 0).copy()
        for name, layer in norms.items():
            arrays[f"{name}/scale"] = layer.weight.detach().cpu().numpy().copy()
            arrays[f"{name}/bias"] = layer.bias.detach().cpu().numpy().copy()
            arrays[f"{name}/mean"] = layer.running_mean.cpu().numpy().copy()
            arrays[f"{name}/variance"] = layer.running_var.cpu().numpy().copy()
        return arrays

    return step, export
