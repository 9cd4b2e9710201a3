# One image for every process. docker-compose.yml sets the command and the health check of each container.
FROM python:3.13-slim-trixie AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY harkara ./harkara
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-index --no-build-isolation --editable .

FROM python:3.13-slim-trixie
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HARKARA_VAR=/var/lib/harkara \
    HARKARA_LOG_FORMAT=json
RUN useradd --system --uid 10001 --no-create-home harkara \
    && install --directory --owner=harkara --mode=0700 /var/lib/harkara
WORKDIR /app
COPY --from=build /venv /venv
COPY harkara ./harkara
COPY config ./config
COPY tasks ./tasks
COPY workers ./workers
COPY sandbox ./sandbox
# No process of the container can write bytecode, and without it each one would compile the code when it starts.
RUN python -m compileall -q harkara config tasks workers sandbox
USER 10001
CMD ["python", "-m", "workers.worker"]
