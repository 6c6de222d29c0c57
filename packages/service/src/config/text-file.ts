import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";

/** What came of reading a file: its text, or why not, as the end of a sentence that begins with the file's name. */
export type TextFile = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** Far more than ten thousand apps need. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  ELOOP: "its symbolic links go in a circle",
  ENAMETOOLONG: "its path is too long",
};

/** Reads files as UTF-8 text and remembers which, so that they can be watched. */
export class TextFileReader {
  readonly #paths = new Set<string>();

  /** Absolute paths of all that was asked for, also of what could not be read. */
  get paths(): readonly string[] {
    return [...this.#paths];
  }

  /** Reads one file. Never rejects. */
  async read(path: string): Promise<TextFile> {
    if (path === "" || path.includes("\0")) return { ok: false, message: "this is not a path" };
    const absolute = resolve(path);
    this.#paths.add(absolute);
    try {
      return await readText(absolute);
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
      return { ok: false, message: REASONS[code] ?? `it can't be read (${code === "" ? "unknown reason" : code})` };
    }
  }
}

async function readText(path: string): Promise<TextFile> {
  // Asked before opening: opening a pipe that nobody writes to would wait for ever.
  const { size } = await stat(path).then((found) => (found.isFile() ? found : { size: -1 }));
  if (size === -1) return { ok: false, message: "it is not a regular file" };
  if (size > MAX_FILE_BYTES) return { ok: false, message: "it is larger than 16 MiB" };
  await using file = await open(path, "r");
  const bytes = await file.readFile();
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    // The decoder says no more than this.
    return { ok: false, message: "its text is not valid UTF-8" };
  }
}
