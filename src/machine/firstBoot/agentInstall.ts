/**
 * Puts viv-agent into a Linux guest as a service that runs while its port exists: `install FOLDER`, where FOLDER holds
 * the program. A systemd unit, else an OpenRC script; a guest with neither has it running until it stops. POSIX sh.
 */
export const agentProgramPath = "/usr/local/bin/viv-agent";
const portName = "dev.vivarium.agent.0";
export const agentPort = `/dev/virtio-ports/${portName}`;
/** systemd's name for the port (systemd.device(5)): the service runs while it is there, from the moment it is. */
const portUnit = String.raw`dev-virtio\x2dports-dev.vivarium.agent.0.device`;

export const agentInstallScript = `#!/bin/sh
set -e
from=$1
mkdir -p ${agentProgramPath.slice(0, agentProgramPath.lastIndexOf("/"))}
cp "$from/viv-agent" ${agentProgramPath}.new
chmod 0755 ${agentProgramPath}.new
mv ${agentProgramPath}.new ${agentProgramPath}
if [ -d /run/systemd/system ]; then
  cat >/etc/systemd/system/viv-agent.service <<'UNIT'
[Unit]
Description=Vivarium guest agent
DefaultDependencies=no
BindsTo=${portUnit}
After=${portUnit}
Conflicts=shutdown.target
Before=shutdown.target
StartLimitIntervalSec=0

[Service]
ExecStart=${agentProgramPath} --port ${agentPort}
Restart=always
RestartSec=500ms
KillMode=process
TasksMax=infinity
UNIT
  cat >/etc/udev/rules.d/60-viv-agent.rules <<'RULE'
SUBSYSTEM=="virtio-ports", ATTR{name}=="${portName}", TAG+="systemd", ENV{SYSTEMD_WANTS}+="viv-agent.service"
RULE
  systemctl daemon-reload
  udevadm control --reload
  udevadm trigger --subsystem-match=virtio-ports --action=change
  systemctl start --no-block viv-agent.service
elif command -v rc-update >/dev/null 2>&1; then
  cat >/etc/init.d/viv-agent <<'SERVICE'
#!/sbin/openrc-run
description="Vivarium guest agent"
supervisor=supervise-daemon
command=${agentProgramPath}
command_args="--port ${agentPort}"
depend() {
  after dev localmount
}
start_pre() {
  [ -e ${agentPort} ]
}
SERVICE
  chmod 0755 /etc/init.d/viv-agent
  rc-update add viv-agent default
  rc-service --ifstopped viv-agent start
else
  ${agentProgramPath} --port ${agentPort} </dev/null >/dev/null 2>&1 &
fi
`;
