# syntax=docker/dockerfile:1
# The sidecar alone on a slim Debian. Mount a configuration at /etc/tollgate/tollgate.toml with
# `data_dir = "/var/lib/tollgate"`, and a volume there; config/compose.toml is an example.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock rustfmt.toml ./
COPY src src
COPY config config
COPY benches benches
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tollgate && cp target/release/tollgate /tollgate

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tollgate \
    && install -d -m 0700 -o tollgate -g tollgate /var/lib/tollgate
COPY --from=build /tollgate /usr/local/bin/tollgate
# Loopback would hide metrics and health from the orchestrator; the image's network is its wall.
ENV TOLLGATE_OPS__LISTEN=0.0.0.0:9464
USER tollgate
VOLUME /var/lib/tollgate
EXPOSE 8080 8081 9464
# SIGTERM (the default stop signal) drains for up to 30 s: give `docker stop` and its kin more than that.
ENTRYPOINT ["tollgate"]
CMD ["run"]
