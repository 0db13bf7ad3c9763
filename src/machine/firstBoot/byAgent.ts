import type { FirstBootFacts } from "./cloudConfig.ts";

/**
 * The first boot as a shell script that an agent runs as root: for guests without cloud-init, the starter among them.
 * POSIX sh and busybox. What this guest cannot do is a line `problem: …` on stdout; nothing of it ends the rest.
 */
export function firstBootScript(facts: FirstBootFacts): string {
  const { firstBoot } = facts;
  return [
    prelude,
    `set_hostname ${quote(firstBoot.hostname ?? facts.name)}`,
    ...firstBoot.users.flatMap((user) => [
      `make_user ${quote(user.name)} ${quote(user.shell ?? "")} ${user.sudo ? 1 : 0} ${user.groups.map(quote).join(" ")}`,
      ...[...(user.name === facts.guestUser && user.name !== "root" ? [facts.authorizedKey.trim()] : []), ...user.sshKeys].map(
        (key) => `add_key ${quote(user.name)} ${quote(key)}`,
      ),
    ]),
    ...Object.entries(facts.passwords).map(([user, hash]) => `set_password ${quote(user)} ${quote(hash)}`),
    ...(firstBoot.timeZone === undefined ? [] : [`set_time_zone ${quote(firstBoot.timeZone)}`]),
    ...(firstBoot.packages.length === 0 ? [] : [`install_packages ${firstBoot.packages.map(quote).join(" ")}`]),
    ...["locale" as const, "keyboard" as const, "userData" as const].flatMap((key) =>
      firstBoot[key] === undefined ? [] : [`problem ${quote(`${key} is cloud-init's, and this guest is set up by the agent`)}`],
    ),
    ...firstBoot.scripts.map((text, index) => `run_script ${index + 1} ${quote(text.startsWith("#!") ? text : `#!/bin/sh\n${text}`)}`),
    "exit 0",
    "",
  ].join("\n");
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

const prelude = `#!/bin/sh
umask 022
problem() { echo "problem: $*"; }
set_hostname() {
  [ "$(cat /proc/sys/kernel/hostname)" = "$1" ] && return
  if command -v hostnamectl >/dev/null 2>&1 && hostnamectl set-hostname "$1" 2>/dev/null; then return; fi
  echo "$1" >/etc/hostname && echo "$1" >/proc/sys/kernel/hostname || problem "the host name could not be set"
}
home_of() { sed -n "s/^$1:[^:]*:[^:]*:[^:]*:[^:]*:\\([^:]*\\):.*/\\1/p" /etc/passwd; }
# Where a small system has neither useradd nor adduser: the files themselves.
write_user() {
  number=1000
  while grep -q "^[^:]*:[^:]*:$number:" /etc/passwd; do number=$((number + 1)); done
  echo "$1:x:$number:" >>/etc/group
  echo "$1:x:$number:$number::/home/$1:$2" >>/etc/passwd
  [ -e /etc/shadow ] && echo "$1:*:20000:0:99999:7:::" >>/etc/shadow
  mkdir -p "/home/$1" && chown "$number:$number" "/home/$1" && chmod 0700 "/home/$1"
}
make_user() {
  name=$1 shell=$2 sudo=$3
  shift 3
  if ! id "$name" >/dev/null 2>&1; then
    mkdir -p /home
    [ -n "$shell" ] || { [ -x /bin/bash ] && shell=/bin/bash || shell=/bin/sh; }
    if command -v useradd >/dev/null 2>&1; then useradd -m -s "$shell" "$name"
    elif command -v adduser >/dev/null 2>&1; then adduser -D -s "$shell" "$name"
    else write_user "$name" "$shell"; fi >/dev/null 2>&1 ||
      { problem "the user $name could not be made"; return; }
  fi
  for group in "$@"; do
    if command -v usermod >/dev/null 2>&1; then usermod -aG "$group" "$name"
    elif command -v addgroup >/dev/null 2>&1; then addgroup "$name" "$group"
    else sed -i -e "s/^\\($group:.*[^:]\\)$/\\1,$name/" -e "s/^\\($group:.*:\\)$/\\1$name/" /etc/group; fi >/dev/null 2>&1 ||
      problem "$name could not join the group $group"
  done
  if [ "$sudo" = 1 ] && [ "$name" != root ] && command -v sudo >/dev/null 2>&1; then
    (umask 227; echo "$name ALL=(ALL) NOPASSWD:ALL" >"/etc/sudoers.d/90-vivarium-$name")
  fi
}
add_key() {
  home=$(home_of "$1")
  [ -n "$home" ] || { problem "there is no user $1"; return; }
  (umask 077; mkdir -p "$home/.ssh"; grep -qxF "$2" "$home/.ssh/authorized_keys" 2>/dev/null || echo "$2" >>"$home/.ssh/authorized_keys")
  chown -R "$1:" "$home/.ssh" 2>/dev/null || chown -R "$1" "$home/.ssh"
}
set_password() {
  if command -v chpasswd >/dev/null 2>&1; then echo "$1:$2" | chpasswd -e >/dev/null 2>&1
  else grep -q "^$1:" /etc/shadow && sed -i "s|^$1:[^:]*:|$1:$2:|" /etc/shadow; fi || problem "the password of $1 could not be set"
}
set_time_zone() {
  [ -e "/usr/share/zoneinfo/$1" ] || { problem "this guest has no time zone data for $1"; return; }
  ln -sf "/usr/share/zoneinfo/$1" /etc/localtime
  echo "$1" >/etc/timezone
}
install_packages() {
  if command -v apt-get >/dev/null 2>&1; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"
  elif command -v dnf >/dev/null 2>&1; then dnf install -y -q "$@"
  elif command -v zypper >/dev/null 2>&1; then zypper --non-interactive --quiet install "$@"
  elif command -v pacman >/dev/null 2>&1; then pacman -Sy --noconfirm "$@"
  elif command -v apk >/dev/null 2>&1; then apk add --quiet "$@"
  else problem "this guest has no package manager for: $*"; return; fi >/dev/null 2>&1 || problem "these packages could not all be installed: $*"
}
run_script() {
  file=$(mktemp) && printf '%s\\n' "$2" >"$file" && chmod 0700 "$file"
  "$file" </dev/null >>/var/log/vivarium-first-boot.log 2>&1
  status=$?
  rm -f "$file"
  [ $status = 0 ] || problem "script $1 ended with $status (/var/log/vivarium-first-boot.log)"
}
`;
