# The notebooks in JupyterLab, made by the same set-up as everywhere else.
#
#   docker build -t mnist-rust .
#   docker run --init --rm -it -p 127.0.0.1:8888:8888 mnist-rust
#
# The second command prints the address to open, with its token.

# What set-up asks for; the development container stops here.
FROM debian:bookworm-slim AS tools
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential ca-certificates curl git python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --shell /bin/bash reader
USER reader
# Without a toolchain: set-up installs the one that rust-toolchain.toml names.
RUN curl --proto '=https' --tlsv1.2 -sSf -o /tmp/rustup.sh https://sh.rustup.rs \
    && sh /tmp/rustup.sh -y --no-modify-path --profile minimal --default-toolchain none \
    && rm /tmp/rustup.sh
ENV PATH=/home/reader/.cargo/bin:$PATH

FROM tools
RUN mkdir /home/reader/mnist
WORKDIR /home/reader/mnist
COPY --chown=reader . .
RUN make set-up
EXPOSE 8888
CMD ["make", "lab", "LAB_ADDRESS=0.0.0.0"]
