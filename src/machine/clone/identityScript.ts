/**
 * POSIX sh, of a guest of any distribution: $1 host name, $2 machine-id, $3 this machine's login key (base64), $4 those it
 * replaces, $5 `booted`, `woken` or `forked` (both: with memory of the first machine); the SSH host key that is pinned
 * comes on stdin. May be run again.
 *
 * A fork gets the pinned host key alone: making the other kinds takes seconds. Its SSH server is told to begin anew
 * (SIGHUP), which is quicker than restarting its service.
 *
 * systemd takes the new machine-id up at the next boot; what reads the file has it at once. Host keys are made anew where
 * OpenSSH keeps them on the disk: the pinned one, and the other kinds with ssh-keygen. The starter guest has its host key
 * in memory only and gets it at each boot.
 */
export const identityScript = `
set -e
name=$1 id=$2 login=$3 before=$4 how=$5
umask 077
key=$(mktemp /run/vivarium.XXXXXX 2>/dev/null || mktemp)
trap 'rm -f "$key"' EXIT
cat >"$key"
old=$(cat /etc/hostname 2>/dev/null || hostname)
if [ "$old" != "$name" ]; then
  if command -v hostnamectl >/dev/null 2>&1 && hostnamectl set-hostname "$name" 2>/dev/null; then :; else
    echo "$name" >/etc/hostname
    hostname "$name" 2>/dev/null || echo "$name" >/proc/sys/kernel/hostname
  fi
  if [ -w /etc/hosts ] && [ -n "$old" ]; then
    sed "s/\\([[:space:]]\\)$old\\([[:space:]]\\|\\$\\)/\\1$name\\2/g" /etc/hosts >/etc/hosts.new && cat /etc/hosts.new >/etc/hosts
    rm -f /etc/hosts.new
  fi
fi
if [ -e /etc/machine-id ]; then
  # Where another file system lies over it, what is below counts at the next boot.
  echo "$id" >/etc/machine-id
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then echo "$id" >/var/lib/dbus/machine-id; fi
fi
if [ -n "$login" ]; then
  for file in /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys; do
    for was in $before; do
      [ -f "$file" ] && [ "$was" != "$login" ] && grep -qF "$was" "$file" || continue
      while IFS= read -r line || [ -n "$line" ]; do
        case $line in *"$was"*) line=\${line%%"$was"*}$login\${line#*"$was"} ;; esac
        printf '%s\\n' "$line"
      done <"$file" >"$key.keys"
      cat "$key.keys" >"$file"
      rm -f "$key.keys"
    done
  done
fi
if command -v ssh-keygen >/dev/null 2>&1 && ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
  if [ -s "$key" ]; then
    cat "$key" >/etc/ssh/ssh_host_ed25519_key
    ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key >/etc/ssh/ssh_host_ed25519_key.pub
    chmod 644 /etc/ssh/ssh_host_ed25519_key.pub
  fi
  if [ "$how" != forked ]; then ssh-keygen -A >/dev/null; fi
  if [ "$how" = forked ] && [ -s /run/sshd.pid ] && kill -HUP "$(cat /run/sshd.pid)" 2>/dev/null; then set --; else set -- ssh sshd; fi
  for service; do
    if command -v systemctl >/dev/null 2>&1; then systemctl try-restart $service >/dev/null 2>&1 || :
    elif [ -x /etc/init.d/$service ]; then /etc/init.d/$service restart >/dev/null 2>&1 || :; fi
  done
fi
if [ "$how" != booted ] && [ -s "$key" ] && [ -x /usr/lib/vivarium/host-key ]; then
  PATH=/usr/bin:$PATH /usr/lib/vivarium/host-key "$key"
  [ ! -s /run/dropbear.pid ] || kill "$(cat /run/dropbear.pid)" 2>/dev/null || :
fi
sync
`;
