/** Takes out of a text what must not be sent to strangers. Rather too much than too little. */
export function withoutSecrets(text: string, home: string): string {
  let result = text
    .replace(/-----BEGIN [A-Z ]+-----[\s\S]*?(-----END [A-Z ]+-----|$)/g, "[key removed]")
    .replace(/\b(ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-\S+) [A-Za-z0-9+/=]{20,}/g, "$1 [key removed]")
    .replace(
      /(["']?\b[\w-]*(?:password|passwd|passphrase|secret|token|api[-_]?key|authorization|credential)[\w-]*["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s,;}]+)/gi,
      '$1"[removed]"',
    )
    .replace(/\b(bearer|basic) [A-Za-z0-9._~+/=-]{8,}/gi, "$1 [removed]")
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]+:[^\s/@]+@/gi, "$1[removed]@")
    .replace(/\b(?:gh[opsu]_|github_pat_|glpat-|npm_|sk-|xox[abp]-|AKIA)[A-Za-z0-9_-]{12,}/g, "[token removed]");
  // The home folder has the user's name. Written in JSON a Windows path has doubled backslashes.
  for (const path of [home, JSON.stringify(home).slice(1, -1)]) if (path.length > 1) result = result.replaceAll(path, "~");
  return result;
}
