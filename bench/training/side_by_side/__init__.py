"""Trainings of one GAN in several rows beside each other, as the report shows them."""
