/**
 * Functions of bash: `ensure_docker` makes a machine one that has Docker's engine and compose, and whose engine runs and
 * starts at every boot. For Ubuntu 24.04 and Debian 13, as root. User data has it for every machine's first boot, and an
 * image is baked by it.
 */
export const ENSURE_DOCKER = `# What the image lacks of it, also where an earlier try was cut off.
ensure_docker() {
  docker compose version >/dev/null 2>&1 || install_docker
  docker version >/dev/null 2>&1 || systemctl enable --now docker
}

install_docker() {
  export DEBIAN_FRONTEND=noninteractive
  # An upgrade of the engine goes past what runs on it.
  mkdir -p /etc/docker
  [[ -s /etc/docker/daemon.json ]] || echo '{ "live-restore": true }' >/etc/docker/daemon.json
  local apt=(apt-get --quiet --yes --no-install-recommends --option Acquire::Retries=5 --option DPkg::Lock::Timeout=300)
  "\${apt[@]}" update
  # Ubuntu's name for compose, and Debian's; of its client Debian makes another package.
  "\${apt[@]}" install docker.io docker-compose-v2 || "\${apt[@]}" install docker.io docker-cli docker-compose
}
`;

/** `pull <image>`, of bash: the engine has the container's image afterwards, and what is there is not asked for again. */
export const PULL = `pull() {
  docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1"
}
`;
