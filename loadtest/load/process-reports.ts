import type { ProcessReport } from "../k6/lib/summary.ts";
import { RESULTS_MARK } from "../k6/lib/summary.ts";

/**
 * The results of processes in a text, such as the logs of several pods one behind the other. A line that was cut is left out, and a
 * process whose log is there twice counts once.
 */
export function reportsIn(text: string): readonly ProcessReport[] {
  const reports = text.split("\n").flatMap((line) => {
    const at = line.indexOf(RESULTS_MARK);
    const json = at >= 0 ? line.slice(at + RESULTS_MARK.length) : line;
    if (!json.startsWith('{"settings":')) return [];
    try {
      return [JSON.parse(json) as ProcessReport];
    } catch {
      // Cut off: the merged verdict says that somebody is missing.
      return [];
    }
  });
  return [...new Map(reports.map((report) => [report.process, report])).values()];
}
