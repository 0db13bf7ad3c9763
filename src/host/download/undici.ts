type Undici = typeof import("undici");

/** The HTTP client, loaded by the first download. In a bundle a CommonJS package has its exports in `default` alone. */
export async function undici(): Promise<Undici> {
  const loaded: unknown = (await import("undici")).default;
  return loaded as Undici;
}
