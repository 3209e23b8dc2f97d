# syntax=docker/dockerfile:1
# Only what production needs: Groq transcribes, so no embedded engine is installed.

FROM python:3.11-slim AS packages
COPY locks/production.txt /tmp/production.txt
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes --requirement /tmp/production.txt \
 && /venv/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
# curl is for the health check.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin escriba \
 && install --directory --owner=escriba --group=escriba /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY LICENSE local_server.py ./
COPY common common
COPY functions functions
# Compiled here, since a start on 0.1 vCPU should not have to.
RUN /venv/bin/python -m compileall -q /venv/lib common functions local_server.py
ENV HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2
USER escriba
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD curl --fail --silent --show-error "http://127.0.0.1:${PORT}/health" || exit 1
CMD ["/venv/bin/python", "local_server.py"]
