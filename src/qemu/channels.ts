import { hostPath } from "./paths.ts";
import type { ChannelAddress, ChannelName, LaunchContext } from "./types.ts";

/** File names of the unix sockets in the run directory. Short: a whole path may have 103 bytes (macOS). */
export const socketNames: Readonly<Record<ChannelName, string>> = {
  control: "qmp.sock",
  rescue: "rescue.sock",
  serial: "serial.sock",
  agent: "agent.sock",
  vivAgent: "viv-agent.sock",
  vnc: "vnc.sock",
};

/** Where QEMU listens for a channel, hence where to connect. */
export function channelAddress(
  context: Pick<LaunchContext, "platform" | "runDirectory" | "transport">,
  channel: ChannelName,
): ChannelAddress {
  const { transport } = context;
  if (transport.kind === "tls") return { kind: "tls", host: transport.host, port: transport.ports[channel] };
  return { kind: "unix", path: hostPath(context.platform).join(context.runDirectory, socketNames[channel]) };
}
