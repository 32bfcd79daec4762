# A program and its shared libraries, arranged by scripts/image-root.
FROM scratch
ENV PATH=/usr/local/bin
COPY . /
