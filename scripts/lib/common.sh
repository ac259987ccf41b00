# Sourced by the scripts beside this folder: bash, set -euo pipefail, working directory is the root of the repository.

say() { printf '▸ %s\n' "$*"; }
fail() { printf '✗ %s\n' "$*" >&2; exit 1; }

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# Those of the packages that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

# Installs what is missing and asks the network only then. Services that come along (prometheus, nginx) are masked first: we want their
# programs, not a daemon on this machine's ports.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [[ ${#missing[@]} -eq 0 ]]; then return; fi
  say "installing ${missing[*]}"
  local package
  for package in "${missing[@]}"; do
    case $package in
      prometheus) mask_service prometheus ;;
      nginx-light) mask_service nginx ;;
      haproxy) mask_service haproxy ;;
      rabbitmq-server) mask_service rabbitmq-server; mask_service epmd ;;
      postgresql) mask_service postgresql; no_postgresql_cluster ;;
    esac
  done
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

mask_service() {
  local unit=/etc/systemd/system/$1.service
  if [[ -e $unit || -L $unit ]]; then return; fi
  as_root mkdir -p "${unit%/*}"
  as_root ln -s /dev/null "$unit"
  say "$1.service is masked so that it does not start (systemctl unmask $1 undoes it)"
}

# Debian makes a cluster with the package and would start it: ours are made by the tests that need them.
no_postgresql_cluster() {
  local file=/etc/postgresql-common/createcluster.conf
  if [[ -e $file ]]; then return; fi
  as_root mkdir -p "${file%/*}"
  as_root tee "$file" >/dev/null <<<"create_main_cluster = false"
}

# Compilers at a time: one a core, as far as a gigabyte and a half for each is there.
build_jobs() {
  local cores gigabytes
  cores=$(nproc)
  gigabytes=$(awk '/MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  echo $((gigabytes < 1 ? 1 : gigabytes < cores ? gigabytes : cores))
}
