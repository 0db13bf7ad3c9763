/** Asks again until it is so; the last answer is in the message when it never was. */
export async function until<T>(what: string, ask: () => Promise<T>, isSo: (answer: T) => boolean, timeoutMs = 20_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (Date.now() > deadline)
      throw new Error(`${what}: not so within ${timeoutMs / 1000} s; the last answer was ${JSON.stringify(answer)}.`);
    await new Promise((wake) => setTimeout(wake, 150));
  }
}
