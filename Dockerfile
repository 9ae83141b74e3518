# The environment of the pipeline, every version as in requirements.lock. The checkout itself is mounted at /work, so that
# its code runs and its results stay: docs/cluster.md has the commands.
FROM python:3.11-slim-bookworm

# git: DVC needs it, and receipts say which commit made them. A mounted checkout belongs to a user of the host.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git=1:2.39.* \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system safe.directory /work

WORKDIR /work
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --constraint requirements.lock --editable .

# Caches go where any user can write.
ENV HOME=/tmp
USER 1000
CMD ["snakemake", "--cores", "all", "--rerun-incomplete"]
