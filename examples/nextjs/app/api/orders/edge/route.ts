export const runtime = "edge";

export { POST } from "../route";
