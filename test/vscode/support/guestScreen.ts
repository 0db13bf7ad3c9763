import type { Frame } from "playwright-core";
import type { VivClient } from "../../../src/api/index.ts";

/** Compares in the page: it has both a canvas and a PNG decoder. Channels may differ by a rounding. */
const compare = `async (pngBase64) => {
  const canvas = document.querySelector("canvas");
  if (!canvas || canvas.width === 0) return 0;
  const image = new Image();
  image.src = "data:image/png;base64," + pngBase64;
  await image.decode();
  if (image.width !== canvas.width || image.height !== canvas.height) return 0;
  const other = document.createElement("canvas");
  other.width = image.width;
  other.height = image.height;
  const context = other.getContext("2d");
  context.drawImage(image, 0, 0);
  const [shown, real] = [canvas.getContext("2d"), context].map((one) => one.getImageData(0, 0, image.width, image.height).data);
  let equal = 0;
  for (let at = 0; at < shown.length; at += 4) {
    if ([0, 1, 2].every((channel) => Math.abs(shown[at + channel] - real[at + channel]) <= 2)) equal += 1;
  }
  return equal / (shown.length / 4);
}`;

/** Part (0–1) of the pixels of a console that are as QEMU's own picture of the screen has them. */
export async function equalPixels(client: VivClient, machine: string, frame: Frame): Promise<number> {
  const { pngBase64 } = await client.call("machine.screenshot", { machine });
  return frame.evaluate(`(${compare})(${JSON.stringify(pngBase64)})`);
}

/** How many colours are on the console: a screen that shows nothing has one. */
export async function coloursShown(frame: Frame): Promise<number> {
  return frame.evaluate(`(() => {
    const canvas = document.querySelector("canvas");
    if (!canvas || canvas.width === 0) return 0;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  })()`);
}
