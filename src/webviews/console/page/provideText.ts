import RFB from "@novnc/novnc";

/** The extended clipboard's flags (rfbproto, "Extended Clipboard Pseudo-Encoding"). */
const provide = 0x10000000;
const plainText = 0x00000001;

/**
 * How text goes to QEMU: noVNC flushes its zlib stream without ending it, and QEMU drops what has no end
 * (noVNC issue 1820). The browser's own compressor ends it.
 */
export function endProvidedTexts(): void {
  RFB.messages.extendedClipboardProvide = (socket, _formats, [text = ""]) => {
    void compressed(providedText(text)).then((data) => {
      const message = new Uint8Array(4 + data.byteLength);
      new DataView(message.buffer).setUint32(0, provide | plainText);
      message.set(data, 4);
      RFB.messages.clientCutText(socket, message, true);
    });
  };
}

/**
 * Its length (32 bits, big-endian) and UTF-8. Not with the line ends of DOS and the zero at the end that the protocol
 * has: QEMU gives them to the guest as part of the text.
 */
export function providedText(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const data = new Uint8Array(4 + bytes.byteLength);
  new DataView(data.buffer).setUint32(0, bytes.byteLength);
  data.set(bytes, 4);
  return data;
}

async function compressed(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
