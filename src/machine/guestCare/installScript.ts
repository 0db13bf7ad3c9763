/**
 * Run in the guest as root, the program on stdin: the file, and a service of systemd, OpenRC or SysV. It says
 * `service KIND`. The unit belongs to the port, so that it neither waits for a port that is not there nor restarts for ever.
 */
export const installScript = `set -e
umask 022
program=/usr/local/bin/viv-agent
mkdir -p /usr/local/bin
cat > $program.new
chmod 755 $program.new
$program.new --version > /dev/null || { echo 'the program does not run in this guest' >&2; exit 1; }
mv -f $program.new $program
if command -v restorecon > /dev/null 2>&1; then restorecon $program || true; fi

if [ -d /run/systemd/system ]; then
  cat > /etc/systemd/system/viv-agent.service <<'UNIT'
[Unit]
Description=Vivarium's agent
BindsTo=dev-virtio\\x2dports-dev.vivarium.agent.0.device
After=dev-virtio\\x2dports-dev.vivarium.agent.0.device

[Service]
ExecStart=/usr/local/bin/viv-agent
Restart=always
RestartSec=1
KillMode=mixed

[Install]
WantedBy=dev-virtio\\x2dports-dev.vivarium.agent.0.device
UNIT
  systemctl daemon-reload
  systemctl enable viv-agent.service > /dev/null 2>&1
  # By itself, so that an agent which runs this very script is not ended in the middle of it.
  (sleep 1; systemctl restart viv-agent.service) > /dev/null 2>&1 < /dev/null &
  echo 'service systemd'
elif command -v rc-update > /dev/null 2>&1; then
  cat > /etc/init.d/viv-agent <<'UNIT'
#!/sbin/openrc-run
description="Vivarium's agent"
supervisor=supervise-daemon
command=/usr/local/bin/viv-agent
respawn_delay=1
UNIT
  chmod 755 /etc/init.d/viv-agent
  rc-update add viv-agent default > /dev/null
  (sleep 1; rc-service viv-agent restart) > /dev/null 2>&1 < /dev/null &
  echo 'service openrc'
else
  cat > /usr/local/bin/viv-agent-keep <<'UNIT'
#!/bin/sh
while :; do /usr/local/bin/viv-agent; sleep 1; done
UNIT
  chmod 755 /usr/local/bin/viv-agent-keep
  kind=none
  if [ -d /etc/init.d ] && { command -v update-rc.d || command -v chkconfig; } > /dev/null 2>&1; then
    cat > /etc/init.d/viv-agent <<'UNIT'
#!/bin/sh
# chkconfig: 2345 90 10
### BEGIN INIT INFO
# Provides: viv-agent
# Required-Start: $local_fs
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop:
# Short-Description: Vivarium's agent
### END INIT INFO
case "$1" in
  start) setsid /usr/local/bin/viv-agent-keep > /dev/null 2>&1 < /dev/null & ;;
esac
UNIT
    chmod 755 /etc/init.d/viv-agent
    if command -v update-rc.d > /dev/null 2>&1; then update-rc.d viv-agent defaults > /dev/null; else chkconfig --add viv-agent; fi
    kind=sysv
  fi
  pid=$(pidof viv-agent || true)
  setsid /usr/local/bin/viv-agent-keep > /dev/null 2>&1 < /dev/null &
  [ -z "$pid" ] || (sleep 1; kill $pid) > /dev/null 2>&1 < /dev/null &
  echo "service $kind"
fi
`;
