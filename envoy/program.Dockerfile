# A program and the shared libraries that it needs, laid out by scripts/image-root.
FROM scratch
ENV PATH=/usr/local/bin
COPY . /
