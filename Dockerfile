# Two images around one static binary:
#
#   docker build -t dockgate:0.1.0 .                          only the binary
#   docker build -t dockgate:0.1.0-compat --target compat .   with busybox, for compose files whose healthcheck calls `wget`
#
# Base images are pinned by version. A release pins their bytes too: --build-arg RUST_DIGEST=@sha256:...
ARG RUST_DIGEST=
ARG BUSYBOX_DIGEST=

FROM rust:1.95.0-slim-bookworm${RUST_DIGEST} AS build

# Lists the crates inside the binary, where `cargo audit bin` finds them.
RUN cargo install --locked cargo-auditable@0.7.7

# Each platform is built natively. A builder without TARGETARCH, such as the classic one of `docker build`, only knows its own
# platform.
ARG TARGETARCH
RUN case "${TARGETARCH:-$(dpkg --print-architecture)}" in \
        amd64) echo x86_64-unknown-linux-gnu ;; \
        arm64) echo aarch64-unknown-linux-gnu ;; \
        *) echo "${TARGETARCH}: Dockgate's images are for amd64 and arm64" >&2; exit 1 ;; \
    esac >/target

# Only the container itself can reach its loopback, so here Dockgate listens on all addresses by default.
ENV DOCKGATE_DEFAULT_LISTEN=tcp://[::]:2375

WORKDIR /build

# The dependencies first, with an empty program: this layer stays cached when the sources change.
COPY Cargo.toml Cargo.lock ./
COPY scripts/build-static scripts/
RUN mkdir src \
    && echo '//! Nothing yet.' | tee src/lib.rs >src/main.rs \
    && echo 'fn main() {}' >>src/main.rs \
    && scripts/build-static "$(cat /target)"

COPY policies policies
COPY src src
# Cargo compares times, and the sources may be older than the empty program.
RUN touch src/main.rs src/lib.rs \
    && scripts/build-static "$(cat /target)" \
    && mv "target/$(cat /target)/release/dockgate" /


FROM busybox:1.37${BUSYBOX_DIGEST} AS busybox


FROM scratch AS plain
# USER is not set, on purpose: as root, Dockgate can join the group of the mounted socket, whichever it is on this host.
# Then it drops to user 65532. To start it as that user, write `user:` and `group_add:` in a compose file.
COPY --from=build /dockgate /dockgate
# So that `docker exec CONTAINER dockgate check` finds it.
ENV PATH=/
EXPOSE 2375
STOPSIGNAL SIGTERM
# Healthy after 4 s. With a start period, Docker 25 and newer would wait 5 s, and older builders do not know `--start-interval`.
HEALTHCHECK --interval=4s --retries=5 CMD ["/dockgate", "healthcheck"]
ENTRYPOINT ["/dockgate"]
# The build arguments that differ between builds come last: they change no layer.
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Dockgate" \
      org.opencontainers.image.description="A hardened Docker socket proxy: forwards what an allowlist of API operations grants, and records every request" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"


FROM plain AS compat
COPY --from=busybox / /
ENV PATH=/:/bin


# Last, because `docker build` without a target builds this.
FROM plain
