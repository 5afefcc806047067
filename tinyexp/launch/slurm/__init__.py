"""The executor of a SLURM cluster: one ``sbatch`` array over the jobs, whose state is on a disk that all machines share."""
