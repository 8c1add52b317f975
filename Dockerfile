# One image for every part of Sitewarden: `sitewarden edge`, `sitewarden cloud`, `sitewarden sim`.
FROM python:3.11-slim-trixie AS build
WORKDIR /source
COPY locks locks
RUN pip install --no-cache-dir --require-hashes --requirement locks/build.txt \
    && pip wheel --no-cache-dir --require-hashes --no-build-isolation --wheel-dir /wheels --requirement locks/image.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY contract contract
COPY edge edge
COPY cloud cloud
COPY firmware-sim firmware-sim
COPY sitewarden sitewarden
COPY config config
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.11-slim-trixie
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    --mount=type=bind,from=build,source=/source/locks,target=/locks \
    pip install --no-cache-dir --no-index --find-links /wheels --require-hashes --requirement /locks/image.txt \
    && pip install --no-cache-dir --no-index --no-deps /wheels/sitewarden-*.whl
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sitewarden \
    && install -d -o sitewarden -g sitewarden -m 0750 /var/lib/sitewarden
USER sitewarden
WORKDIR /var/lib/sitewarden
ENTRYPOINT ["sitewarden"]
