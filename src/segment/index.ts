/** The room's door: how to speak to a segment's process. What it does is behind it, in a process of its own (main.ts). */
export {
  type CaptureStatus,
  controlSocket,
  openControl,
  requests,
  type SegmentStatus,
  type WantedPort,
  type WantedSegment,
} from "./control.ts";
