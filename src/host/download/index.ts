/** Fetching files of strangers by http and https. */
export { type DownloadOptions, download, downloadText, requireWebAddress } from "./download.ts";
export { type Network, type NetworkSettings, openNetwork } from "./network.ts";
export { type FetchedFile, fetchResumably, type ResumableOptions } from "./resumable.ts";
