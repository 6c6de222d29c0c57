import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import type * as view from "./hot-view.tsx";
import type { Heard } from "./hot-view.tsx";

const root = createRoot(document.body.appendChild(document.createElement("main")));
const heard: Heard[] = [];
const onHeard = (what: Heard) => void heard.push(what);
let shown: typeof view | null = null;

/** What the test does with the page. */
export interface HotPage {
  readonly heard: readonly Heard[];
  /** Evaluates the components' module at an address, and mounts its components in the place of those before. */
  show(address: string, version: number): Promise<void>;
  /** Unmounts the components. */
  hide(): void;
  /** What `import.meta.hot.dispose` is for: ends the client of what is shown. */
  dispose(): void;
}

const page: HotPage = {
  heard,
  show: async (address, version) => {
    shown = (await import(address)) as typeof view;
    // Another component than before, though it has the same name: React unmounts that one, and mounts this one, in one commit.
    root.render(
      <StrictMode>
        <shown.View version={version} onHeard={onHeard} />
      </StrictMode>,
    );
  },
  hide: () => root.render(null),
  dispose: () => shown?.client.close(),
};

Object.assign(window, { page });
