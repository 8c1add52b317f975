# One image for every part of Sitewarden: `sitewarden edge`, `sitewarden cloud`, `sitewarden sim`.
FROM python:3.11-slim-trixie AS build
WORKDIR /source
RUN pip install --no-cache-dir 'build>=1.2'
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY contract contract
COPY edge edge
COPY cloud cloud
COPY firmware-sim firmware-sim
COPY sitewarden sitewarden
COPY config config
RUN python -m build --wheel --outdir /wheels \
    && pip wheel --no-cache-dir --wheel-dir /wheels "$(ls /wheels/sitewarden-*.whl)[edge,cloud,sim]"

FROM python:3.11-slim-trixie
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'sitewarden[edge,cloud,sim]'
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sitewarden \
    && install -d -o sitewarden -g sitewarden -m 0750 /var/lib/sitewarden
USER sitewarden
WORKDIR /var/lib/sitewarden
ENTRYPOINT ["sitewarden"]
