/**
 * Cuts a stream of bytes into lines, each decoded only when it is whole (so that no character is ever halved),
 * and never holds more than a limit: what is on the other side may be hostile or broken.
 */
export interface LineReader {
  push(chunk: Buffer): void;
  /** Forgets the unfinished line. */
  reset(): void;
}

export interface LineReaderOptions {
  /** Bytes that end a line; default newline. */
  readonly ends?: readonly number[];
  /** Bytes of one line, asked at every chunk. */
  limitBytes(): number;
  /** Without the line end. Empty lines are not reported. */
  onLine(line: Buffer): void;
  /** A line grew beyond the limit. What there is of it is dropped; so is its rest when `push` goes on. */
  onOverflow(): void;
}

const newline = 0x0a;

export function lineReader({ ends = [newline], limitBytes, onLine, onOverflow }: LineReaderOptions): LineReader {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let skipping = false;
  const forget = (): void => {
    pieces = [];
    bytes = 0;
  };
  const keep = (piece: Buffer): void => {
    if (skipping || piece.length === 0) return;
    bytes += piece.length;
    if (bytes <= limitBytes()) {
      pieces.push(piece);
      return;
    }
    forget();
    skipping = true;
    onOverflow();
  };
  const finish = (): void => {
    const line = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    const whole = !skipping;
    forget();
    skipping = false;
    const trimmed = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
    if (whole && trimmed.length > 0) onLine(trimmed);
  };
  return {
    push(chunk) {
      let start = 0;
      for (let end = nextEnd(chunk, start, ends); end >= 0; end = nextEnd(chunk, start, ends)) {
        keep(chunk.subarray(start, end));
        finish();
        start = end + 1;
      }
      keep(chunk.subarray(start));
    },
    reset() {
      forget();
      skipping = false;
    },
  };
}

function nextEnd(chunk: Buffer, start: number, ends: readonly number[]): number {
  const found = ends.map((end) => chunk.indexOf(end, start)).filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}
