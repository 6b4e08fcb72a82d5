# Not built where it was written: no container runtime was there. Report what it gets wrong.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/ringside ringside
COPY --from=build /src/target/release/ringside /usr/local/bin/ringside
USER ringside
WORKDIR /var/lib/ringside
VOLUME /var/lib/ringside
ENV RINGSIDE_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["ringside"]
