import { accept, type Result, refuse } from "@carillon/protocol";

const JSON_TYPE = /^(?:application\/(?:[\w.+-]+\+)?json|text\/plain)\s*(?:;|$)/i;
const FORM_TYPE = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\s*(?:;|$)/i;

/**
 * Whether a body with this Content-Type is read as JSON. Absent and `text/plain` pass: fetch sends the latter for any
 * string. Everything else is refused with `unsupported_media_type`. A charset is not looked at; JSON is UTF-8.
 */
export function checkMediaType(contentType: string): Result<null> {
  if (contentType === "application/json" || contentType === "" || JSON_TYPE.test(contentType)) return accept(null);
  const remedy = "send the header content-type: application/json";
  if (!FORM_TYPE.test(contentType)) return refuse("unsupported_media_type", `the body must be JSON: ${remedy}`);
  return refuse("unsupported_media_type", `the body is declared a form (as curl -d does by itself): ${remedy}`);
}
