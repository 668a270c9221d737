# Headrace with OpenVINO, and nothing else: no shell, no package tools, no model. See docs/image.md.
#
#   docker build -t headrace .
#   docker run --rm --read-only -p 8080:8080 -v ./model:/model:ro headrace serve /model

ARG DEBIAN=debian:12-slim
FROM ${DEBIAN} AS build
ARG ENGINES=openvino
WORKDIR /headrace
# In the order in which they change: what was done before the first change is not done again.
COPY scripts/lib.sh scripts/setup scripts/
RUN ["scripts/setup"]
COPY scripts/fetch scripts/
COPY tools/engines.lock tools/pictures.lock tools/
RUN scripts/fetch $ENGINES
COPY . .
RUN scripts/image --engines "$ENGINES" /image

# The libraries of Debian that are needed, without the rest of it, which would be 75 MB more, and a shell.
FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headrace" \
      org.opencontainers.image.description="Inference with many processes inside one container" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
# Nobody in particular: any other user does as well, and needs no entry in a file.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
# Asks the server where it was told to listen; of `headrace run` it says that it runs.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 CMD ["/usr/bin/headrace", "probe", "--live"]
ENTRYPOINT ["/usr/bin/headrace"]
CMD ["--help"]
